"""Forms of queries and expressions that are written out before they are translated.

Some of them only Apache Spark reads; others have an equal longer form, whose parts are then translated.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from vertebra.spark_sql.inference import Types

if TYPE_CHECKING:
    from sqlglot import exp


def expand(query: exp.Query, types: Types) -> bool:
    """Write out short forms in place: ``* except (a)``, and aliases that later items of a select list use.

    A total by ROLLUP, CUBE or GROUPING SETS over no rows has no row in Apache Spark: HAVING leaves it out.

    Returns:
        Whether anything was written out; the types have to be inferred again then.
    """
    from sqlglot import exp

    changed = False
    for select in list(query.find_all(exp.Select)):
        changed |= _expand_stars(select, types)
        changed |= _expand_aliases(select, types)
        changed |= _leave_out_empty_total(select)
    return changed


def expand_expression(tree: exp.Expr) -> tuple[exp.Expr, bool]:
    """Write out parts of an expression: ``case x when y`` and ``percentile_cont(p) within group (order by x)``.

    Returns:
        The tree, and whether anything was written out.
    """
    from sqlglot import exp

    root = exp.Paren(this=tree)
    changed = False
    for node in list(root.find_all(exp.Case, exp.WithinGroup)):
        if isinstance(node, exp.Case) and node.this is not None:
            _compare_each(node)
            changed = True
        elif isinstance(node, exp.WithinGroup):
            made = _percentile(node)
            if made is not None:
                node.replace(made)
                changed = True
    return root.this, changed


def _compare_each(case: exp.Case) -> None:
    """``case x when y then z end`` as ``case when x = y then z end``."""
    from sqlglot import exp

    operand = exp.paren(case.this.copy(), copy=False)
    case.set("this", None)
    for one in case.args["ifs"]:
        one.set("this", exp.EQ(this=operand.copy(), expression=exp.paren(one.this.copy(), copy=False)))


def _percentile(group: exp.WithinGroup) -> exp.Expr | None:
    from sqlglot import exp

    call = group.this
    keys = group.expression.expressions if isinstance(group.expression, exp.Order) else []
    if call.name.lower() != "percentile_cont" or len(keys) != 1 or len(call.expressions) != 1:
        return None
    part = call.expressions[0]
    if keys[0].args.get("desc"):
        if part.key != "literal" or part.args.get("is_string"):
            return None
        part = exp.Literal.number(str(1 - Decimal(part.name)))
    return exp.Anonymous(this="percentile", expressions=[keys[0].this.copy(), part.copy()])


def _expand_aliases(select: exp.Select, types: Types) -> bool:
    from sqlglot import exp

    changed = False
    for item in select.expressions:
        for column in list(item.find_all(exp.Column)):
            named = types.alias_of(column)
            if named is not None:
                column.replace(exp.paren(named.this.copy(), copy=False))
                changed = True
    return changed


def _expand_stars(select: exp.Select, types: Types) -> bool:
    from sqlglot import exp

    sources = types.sources_of(select)
    joins = select.args.get("joins") or ()
    if not all(sources.values()) or any(one.args.get("using") or one.method for one in joins):
        return False
    made: list[exp.Expr] = []
    changed = False
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        left_out = star.args.get("except_") if isinstance(star, exp.Star) else None
        table = item.table.lower() if isinstance(item, exp.Column) else ""
        if not left_out or (table and table not in sources):
            made.append(item)
            continue
        names = {one.name.lower() for one in left_out}
        for alias, columns in sources.items():
            if not table or alias == table:
                known = None if alias.startswith("#") else exp.to_identifier(alias, quoted=True)
                made += [
                    exp.column(exp.to_identifier(name, quoted=True), table=known)
                    for name in columns
                    if name not in names
                ]
        changed = True
    if changed:
        select.set("expressions", made)
    return changed


def _leave_out_empty_total(select: exp.Select) -> bool:
    from sqlglot import exp

    group = select.args.get("group")
    if group is None:
        return False
    totals = [one for one in group.expressions if isinstance(one, exp.Rollup | exp.Cube | exp.GroupingSets)]
    if not totals and not any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets")):
        return False
    some = exp.GT(this=exp.Anonymous(this="count", expressions=[exp.Star()]), expression=exp.Literal.number(0))
    having = select.args.get("having")
    select.set("having", exp.Having(this=exp.and_(exp.paren(having.this), some) if having is not None else some))
    return True
