"""The types of all parts of a query, from the columns of its tables.

Types are inferred on the syntax tree, without an engine, so that a project can be checked when it is loaded. A type
that cannot be inferred is unknown (None), never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vertebra.spark_sql.calls import GENERATORS, arguments, generated_columns
from vertebra.spark_sql.dialect import function_name
from vertebra.spark_sql.literals import MAX_INT, literal_type
from vertebra.spark_sql.result_types import lambda_parameters, result_type
from vertebra.spark_sql.scope import Scope, column_type, is_of_outer_query
from vertebra.spark_sql.types import (
    BOOLEAN,
    INT,
    INTERVAL,
    NULL,
    Columns,
    SqlType,
    common_type,
    from_tree,
)

if TYPE_CHECKING:
    from sqlglot import exp


class Types:
    """The type of each node of one syntax tree.

    Args:
        tables: the columns of each table that the query may read, by its name in lower case.

    Example:
        >>> from vertebra.spark_sql.dialect import parse_query
        >>> from vertebra.spark_sql.types import parse_type
        >>> types = Types({"trusted.orders": {"amount": parse_type("decimal(10,2)")}})
        >>> columns = types.query(parse_query("select amount / 3 as part from trusted.orders"))
        >>> str(columns["part"])
        'decimal(14,6)'
    """

    def __init__(self, tables: Mapping[str, Columns]) -> None:
        self._tables = {name.lower(): {c.lower(): kind for c, kind in cs.items()} for name, cs in tables.items()}
        self._types: dict[int, SqlType | None] = {}
        self._columns: dict[int, Columns] = {}
        self._outer: set[int] = set()
        self._aliases: dict[int, exp.Alias] = {}
        self._sources: dict[int, Scope] = {}
        self._kept: list[exp.Expr] = []  # an id may be used again once its node is gone

    def of(self, node: exp.Expr) -> SqlType | None:
        """The type of a node, None if it is not known."""
        return self._types.get(id(node))

    def set(self, node: exp.Expr, kind: SqlType | None) -> None:
        """Say what type a new node has."""
        self._types[id(node)] = kind
        self._kept.append(node)

    def columns_of(self, query: exp.Expr) -> Columns:
        """The columns of a query that was inferred."""
        return self._columns.get(id(query), {})

    def is_outer(self, column: exp.Expr) -> bool:
        """Whether a column is one of the query around the subquery that it is in."""
        return id(column) in self._outer

    def alias_of(self, column: exp.Expr) -> exp.Alias | None:
        """The item of the same select list that a column of it names, as in ``select a + 1 as b, b * 2``."""
        return self._aliases.get(id(column))

    def sources_of(self, select: exp.Expr) -> Mapping[str, Columns]:
        """The columns of each table, subquery or lateral view of FROM, by its alias in lower case."""
        found = self._sources.get(id(select))
        return found.sources if found else {}

    # -- queries -------------------------------------------------------------------------------------------------------

    def query(self, query: exp.Expr, outer: Scope | None = None) -> dict[str, SqlType | None]:
        """Infer the types of a query and all that is in it; returns its columns."""
        columns = self._query(query, outer)
        self._columns[id(query)] = columns
        return columns

    def _query(self, query: exp.Expr, outer: Scope | None) -> dict[str, SqlType | None]:
        from sqlglot import exp

        scope = Scope(outer=outer, ctes=dict(outer.ctes) if outer else {})
        for cte in query.ctes if isinstance(query, exp.Query) else ():
            columns = self.query(cte.this, scope)
            scope.ctes = {**scope.ctes, cte.alias.lower(): _renamed(columns, cte)}
        match query:
            case exp.Subquery():
                columns = self.query(query.this, scope)
            case exp.SetOperation():
                columns = self._set_operation(query, scope)
            case exp.Values():
                columns = self._values(query, scope)
            case exp.Select():
                return self._select(query, scope)
            case _:
                columns = {}
        self._order(query, Scope(sources={"": columns}, outer=scope, ctes=scope.ctes))
        return columns

    def _set_operation(self, query: exp.SetOperation, scope: Scope) -> dict[str, SqlType | None]:
        left, right = self.query(query.this, scope), self.query(query.expression, scope)
        kinds = list(right.values())
        return {
            name: common_type((kind, kinds[place] if place < len(kinds) else None))
            for place, (name, kind) in enumerate(left.items())
        }

    def _values(self, values: exp.Values, scope: Scope) -> dict[str, SqlType | None]:
        from sqlglot import exp

        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
        kinds = [[self.expression(value, scope) for value in row] for row in rows]
        names = values.alias_column_names or [f"col{place + 1}" for place in range(len(rows[0]) if rows else 0)]
        return {
            name.lower(): common_type(row[place] if place < len(row) else None for row in kinds)
            for place, name in enumerate(names)
        }

    def _select(self, select: exp.Select, scope: Scope) -> dict[str, SqlType | None]:
        from sqlglot import exp

        from_ = select.args.get("from_")
        if from_ is not None:
            self._source(from_.this, scope)
        for join in select.args.get("joins") or ():
            self._source(join.this, scope)
            if join.args.get("on") is not None:
                self.expression(join.args["on"], scope)
        for lateral in select.args.get("laterals") or ():
            self._lateral_view(lateral, scope)
        self._sources[id(select)] = scope
        columns: dict[str, SqlType | None] = {}
        before: dict[str, exp.Alias] = {}
        for place, item in enumerate(select.expressions):
            self._find_aliases(item, before, scope)
            for name, kind in self._item(item, place, scope):
                columns[name.lower()] = kind
                scope.names.setdefault(name.lower(), kind)
            if isinstance(item, exp.Alias):
                before.setdefault(item.alias.lower(), item)
        for key in (
            "where",
            "group",
            "having",
            "qualify",
            "distinct",
            "windows",
            "cluster",
            "distribute",
            "sort",
            "limit",
        ):
            part = select.args.get(key)
            for one in part if isinstance(part, list) else [part]:
                if isinstance(one, exp.Expr):
                    self._parts(one, scope)
        self._order(select, scope)
        return columns

    def _find_aliases(self, item: exp.Expr, before: Mapping[str, exp.Alias], scope: Scope) -> None:
        """Note the columns of an item that are aliases of items before it. A column of a source comes first."""
        from sqlglot import exp

        if not before or not all(scope.sources.values()):
            return
        select = item.parent
        for column in item.find_all(exp.Column):
            name = column.name.lower()
            known = any(name in columns for columns in scope.sources.values())
            if name in before and not column.table and not known and column.find_ancestor(exp.Select) is select:
                self._aliases[id(column)] = before[name]

    def _order(self, query: exp.Expr, scope: Scope) -> None:
        order = query.args.get("order")
        if order is not None:
            self._parts(order, scope)

    def _item(self, item: exp.Expr, place: int, scope: Scope) -> Iterable[tuple[str, SqlType | None]]:
        """The columns of one item of a select list."""
        from sqlglot import exp

        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            yield from self._star(item, scope)
            return
        kind = self.expression(item, scope)
        if isinstance(item, exp.Aliases):
            kinds = list(generated_columns(item.this, self._arguments(item.this)).values())
            yield from zip(
                (one.name for one in item.expressions), [*kinds, *[None] * len(item.expressions)], strict=False
            )
        elif function_name(item.unalias()) in GENERATORS:
            generated = generated_columns(item.unalias(), self._arguments(item.unalias()))
            names = [item.alias] if item.alias and len(generated) == 1 else list(generated)
            yield from zip(names, generated.values(), strict=True)
        else:
            named = isinstance(item, exp.Alias | exp.Column | exp.Dot)
            yield (item.alias_or_name if named else "") or f"_{place}", kind

    def _star(self, item: exp.Expr, scope: Scope) -> Iterable[tuple[str, SqlType | None]]:
        from sqlglot import exp

        star = item.this if isinstance(item, exp.Column) else item
        left_out = {one.name.lower() for one in star.args.get("except_") or star.args.get("except") or ()}
        table = item.table.lower() if isinstance(item, exp.Column) else ""
        for alias, columns in scope.sources.items():
            if not table or alias == table:
                yield from ((name, kind) for name, kind in columns.items() if name not in left_out)

    # -- sources -------------------------------------------------------------------------------------------------------

    def _source(self, source: exp.Expr, scope: Scope) -> None:
        from sqlglot import exp

        match source:
            case exp.Table() if isinstance(source.this, exp.Func):
                columns: Columns = self._generated(source.this, source, scope)
            case exp.Table():
                columns = _renamed(self._table(source, scope), source)
            case exp.Lateral():
                columns = self._lateral(source, scope)
            case exp.Values():
                columns = self._values(source, scope)
            case _:
                columns = _renamed(self.query(source, Scope(outer=scope.outer, ctes=scope.ctes)), source)
        scope.sources[source.alias_or_name.lower() or f"#{len(scope.sources)}"] = columns
        for join in source.args.get("joins") or ():
            self._source(join.this, scope)

    def _table(self, table: exp.Table, scope: Scope) -> Columns:
        name = ".".join(part.name for part in table.parts).lower()
        return scope.ctes.get(name) or self._tables.get(name) or {}

    def _lateral(self, lateral: exp.Lateral, scope: Scope) -> Columns:
        from sqlglot import exp

        if isinstance(lateral.this, exp.Subquery):
            return _renamed(self.query(lateral.this, scope), lateral)
        return self._generated(lateral.this, lateral, scope)

    def _lateral_view(self, lateral: exp.Lateral, scope: Scope) -> None:
        columns = self._generated(lateral.this, lateral, scope)
        scope.sources[lateral.alias.lower() or f"#{len(scope.sources)}"] = columns

    def _generated(self, call: exp.Expr, source: exp.Expr, scope: Scope) -> dict[str, SqlType | None]:
        self.expression(call, scope)
        columns = generated_columns(call, self._arguments(call))
        names = [name.lower() for name in source.alias_column_names]
        return dict(zip(names or columns, [*columns.values(), *[None] * len(names)], strict=False))

    # -- expressions ---------------------------------------------------------------------------------------------------

    def _parts(self, node: exp.Expr, scope: Scope) -> None:
        """Infer the expressions of a clause, which itself has no type."""
        for child in node.iter_expressions():
            self.expression(child, scope)

    def _arguments(self, call: exp.Expr) -> list[SqlType | None]:
        return [self.of(one) for one in arguments(call)]

    def expression(self, node: exp.Expr, scope: Scope) -> SqlType | None:
        """Infer the type of an expression and of all its parts."""
        kind = self._infer(node, scope)
        self._types[id(node)] = kind
        return kind

    def _infer(self, node: exp.Expr, scope: Scope) -> SqlType | None:
        from sqlglot import exp

        match node:
            case exp.Subquery() | exp.Query():
                return next(iter(self.query(node, scope).values()), None)
            case exp.Column():
                names = [part.name for part in node.parts]
                if is_of_outer_query(names, scope):
                    self._outer.add(id(node))
                return column_type(names, scope)
            case exp.Identifier():
                return scope.lookup(node.name)[1]
            case exp.Dot() if isinstance(node.expression, exp.Identifier):
                inner = self.expression(node.this, scope)
                return inner.field(node.expression.name) if inner else None
            case exp.Literal() | exp.Boolean() | exp.Null() | exp.HexString() | exp.RawString():
                return literal_type(node)
            case exp.DataType():
                return from_tree(node)
        if isinstance(node, exp.Func) or function_name(node):
            self._call_parts(node, scope)
            return self._result(node)
        self._parts(node, scope)
        return self._passed_on(node)

    def _call_parts(self, node: exp.Expr, scope: Scope) -> None:
        from sqlglot import exp

        lambdas = [child for child in node.iter_expressions() if isinstance(child, exp.Lambda)]
        for child in node.iter_expressions():
            if not isinstance(child, exp.Lambda):
                self.expression(child, scope)
        for one in lambdas:
            given = lambda_parameters(function_name(node), self._arguments(node), len(one.expressions))
            names = dict(zip((parameter.name for parameter in one.expressions), given, strict=False))
            self._types[id(one)] = self.expression(one.this, scope.with_names(names))

    def _result(self, node: exp.Expr) -> SqlType | None:
        from sqlglot import exp

        match node:
            case exp.Cast():
                return from_tree(node.to)
            case exp.Case():
                branches = [self.of(one.args["true"]) for one in node.args["ifs"]]
                default = node.args.get("default")
                return common_type([*branches, self.of(default) if default is not None else NULL])
            case exp.If():
                false = node.args.get("false")
                return common_type((self.of(node.args["true"]), self.of(false) if false is not None else NULL))
            case exp.Interval():
                return INTERVAL
            case exp.Neg() if node.this.key == "literal" and node.this.name == str(MAX_INT + 1):
                return INT
            case _:
                return result_type(function_name(node), self._arguments(node), arguments(node))

    def _passed_on(self, node: exp.Expr) -> SqlType | None:
        """The type of a node that only wraps another one."""
        from sqlglot import exp

        match node:
            case exp.Paren() | exp.Alias() | exp.Ordered() | exp.Window() | exp.Filter() | exp.WithinGroup():
                return self.of(node.this)
            case exp.IgnoreNulls() | exp.RespectNulls():
                return self.of(node.this)
            case exp.Distinct():
                return self.of(node.expressions[0]) if len(node.expressions) == 1 else None
            case exp.Bracket():
                inner = self.of(node.this)
                return inner.element if inner else None
            case exp.PropertyEQ() | exp.Kwarg():
                return self.of(node.expression)
            case exp.Predicate() | exp.Connector():
                return BOOLEAN
            case _:
                return None


def _renamed(columns: Columns, source: exp.Expr) -> dict[str, SqlType | None]:
    """Columns under the names of an alias such as ``t(a, b)``."""
    names = source.alias_column_names
    return dict(zip((name.lower() for name in names), columns.values(), strict=False)) if names else dict(columns)
