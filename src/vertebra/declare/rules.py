"""Every rule a dataset declares, as named denial constraints: sugar is only another way to write one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal

from vertebra.declare.dataset import Between, Column, Dataset, OnViolation, Rule
from vertebra.denial import (
    DenialConstraint,
    Inclusion,
    always_violated,
    classify,
    never_violated,
    parse,
    parse_between,
)
from vertebra.denial.refusal import pointed
from vertebra.errors import DeclarationError, RuleError

Kind = Literal["deny", "key", "required", "unique", "range", "values", "matches", "references", "determines"]

_FORMS: Final = ("deny", "required", "unique", "range", "values", "matches", "references", "determines")
_LOOK_AROUND = re.compile(r"\(\?<?[=!]")


@dataclass(frozen=True)
class NamedRule:
    """One rule of a dataset.

    Attributes:
        name: unique in the dataset; derived for sugar, e.g. ``distance_range``, ``tailnum_references_planes``.
        kind: how it was declared.
        constraint: what must not be true.
        on_violation: what cleaning does.
        confidence: repairs with less are left and reported, 0 to 1.
        repair_method: the repair method that the rule names; None for the default, see
            :func:`vertebra.declare.repair.default_method`.
        set: for a repair of a rule about one tuple, the new value of each column as SQL text; None for NULL.
    """

    name: str
    kind: Kind
    constraint: DenialConstraint | Inclusion
    on_violation: OnViolation = "report"
    confidence: float = 0.5
    repair_method: str | None = None
    set: Mapping[str, str | None] = field(default_factory=dict)
    description: str = ""


def rules_of(dataset: Dataset, datasets: Mapping[str, Dataset] | None = None) -> tuple[NamedRule, ...]:
    """All rules of a dataset: its key, the rules declared with its columns, and its ``rules``.

    A key is two kinds of rule: no two tuples agree on it, and none of its columns is NULL.
    ``matches`` is about the whole value: ``matches: "[A-Z]{3}"`` denies ``ABCD``.

    Args:
        datasets: all datasets of the project by name, to check the relations and columns that rules between relations
            and references name. Without them these are checked when the rule is run.

    Raises:
        RuleError: a rule is not a denial constraint over the declared columns, or no exact plan exists for it.
        DeclarationError: a rule says nothing or two things, two rules have one name, a reference leads nowhere.
    """
    found: dict[str, NamedRule] = {}
    for rule in _Compiler(dataset, datasets).rules():
        if rule.name in found:
            raise DeclarationError(
                f"dataset {dataset.name} has two rules named {rule.name}",
                cause="columns and keys make rules too, named <column>_range, <dataset>_key and so on",
                remedy=f"rename the rule {rule.name}",
            )
        found[rule.name] = rule
    return tuple(found.values())


@dataclass(frozen=True)
class _Compiler:
    dataset: Dataset
    datasets: Mapping[str, Dataset] | None

    def rules(self) -> Iterator[NamedRule]:
        yield from self._key()
        for name, column in self.dataset.columns.items():
            yield from self._column(name, column)
        for name, rule in self.dataset.rules.items():
            for compiled in self._rule(name, rule):
                self._check(compiled)
                yield compiled

    def _key(self) -> Iterator[NamedRule]:
        if not self.dataset.key:
            return
        name = f"{self.dataset.name}_key"
        for column in self.dataset.key:
            self._known(name, column)
        yield NamedRule(name, "key", self._parse(name, _agree(self.dataset.key)))
        for column in self.dataset.key:
            if not self.dataset.columns[column].required:
                required = f"{column}_required"
                yield NamedRule(required, "required", self._parse(required, f"t.{_quoted(column)} is null"))

    def _column(self, name: str, column: Column) -> Iterator[NamedRule]:
        written: dict[str, Any] = {
            "required": (name,) if column.required else None,
            "unique": (name,) if column.unique else None,
            "range": {name: column.range} if column.range is not None else None,
            "values": {name: column.values} if column.values is not None else None,
            "matches": {name: column.matches} if column.matches is not None else None,
            "references": {name: column.references} if column.references is not None else None,
        }
        for form, value in written.items():
            if value is None:
                continue
            derived = f"{name}_{form}"
            if form == "references":
                derived = f"{name}_references_{str(column.references).partition('.')[0]}"
            rule = Rule.model_validate({form: value, "on_violation": column.on_violation})
            yield from self._rule(derived, rule)

    def _rule(self, name: str, rule: Rule) -> Iterator[NamedRule]:
        forms = [form for form in _FORMS if getattr(rule, form) is not None]
        if len(forms) != 1:
            said = " and ".join(forms) if forms else "none of them"
            raise DeclarationError(
                f"rule {name} of {self.dataset.name} has {said}",
                cause=f"a rule has exactly one of {', '.join(_FORMS)}",
                remedy="write one rule for each",
            )
        for column in rule.set or {}:
            self._known(name, column)
        kind: Any = forms[0]
        compiled = dict(getattr(self, f"_{kind}")(name, getattr(rule, kind)))
        for derived, constraint in compiled.items():
            yield NamedRule(
                name=derived,
                kind=kind,
                constraint=constraint,
                on_violation=rule.on_violation,
                confidence=rule.confidence,
                repair_method=rule.repair_method,
                set=dict(rule.set or {}),
                description=" ".join(rule.description.split()),
            )

    # -- one method per form: pairs of rule name and constraint ---------------------------------------------------

    def _deny(self, name: str, deny: str | Between) -> Iterator[tuple[str, DenialConstraint]]:
        own = _types(self.dataset)
        others = {other: _types(found) for other, found in (self.datasets or {}).items()}
        with _Named(self.dataset, name):
            if isinstance(deny, str):
                constraint = parse(deny, self.dataset.name, own, others)
            else:
                constraint = parse_between(deny.over, deny.where, {**others, self.dataset.name: own})
        if self.dataset.name not in constraint.relations:
            raise DeclarationError(
                f"rule {name} of {self.dataset.name} is not about {self.dataset.name}",
                cause=f"it ranges over {' and '.join(constraint.relations)}",
                remedy=f"move it to {constraint.relations[0]}, or name {self.dataset.name} in it",
            )
        yield name, constraint

    def _required(self, name: str, columns: str | tuple[str, ...]) -> Iterator[tuple[str, DenialConstraint]]:
        listed = _listed(columns)
        for column in listed:
            self._known(name, column)
            yield _for(name, column, listed), self._parse(name, f"t.{_quoted(column)} is null")

    def _unique(self, name: str, columns: str | tuple[str, ...]) -> Iterator[tuple[str, DenialConstraint]]:
        listed = _listed(columns)
        for column in listed:
            self._known(name, column)
        yield name, self._parse(name, _agree(listed))

    def _range(self, name: str, ranges: Mapping[str, tuple[Any, Any]]) -> Iterator[tuple[str, DenialConstraint]]:
        for column, (low, high) in ranges.items():
            self._known(name, column)
            reference, first, last = f"t.{_quoted(column)}", self._literal(column, low), self._literal(column, high)
            if low is None and high is None:
                raise DeclarationError(
                    f"rule {name} of {self.dataset.name} allows everything",
                    cause="both ends of its range are open",
                    remedy="write a lower or an upper end, e.g. `range: [0, null]`",
                )
            _check_order(self.dataset.name, name, low, high)
            text = f"{reference} not between {first} and {last}"
            if low is None or high is None:
                text = f"{reference} > {last}" if low is None else f"{reference} < {first}"
            yield _for(name, column, ranges), self._parse(name, text)

    def _values(self, name: str, values: Mapping[str, tuple[Any, ...]]) -> Iterator[tuple[str, DenialConstraint]]:
        for column, allowed in values.items():
            self._known(name, column)
            if not allowed:
                raise DeclarationError(
                    f"rule {name} of {self.dataset.name} allows no value of {column}",
                    remedy=f"list the allowed values, or remove {column} from the rule",
                )
            listed = ", ".join(self._literal(column, value) for value in allowed)
            yield _for(name, column, values), self._parse(name, f"t.{_quoted(column)} not in ({listed})")

    def _matches(self, name: str, patterns: Mapping[str, str]) -> Iterator[tuple[str, DenialConstraint]]:
        for column, pattern in patterns.items():
            self._known(name, column)
            if _LOOK_AROUND.search(pattern):
                raise DeclarationError(
                    f"rule {name} of {self.dataset.name} has a pattern that looks around: {pattern}",
                    cause="the embedded engine's regular expressions have no look-ahead and no look-behind",
                    remedy="write two rules, or one `deny` with two predicates",
                )
            anchored = pattern.startswith("^") and pattern.endswith("$") and "|" not in pattern
            whole = _text_literal(pattern if anchored else f"^(?:{pattern})$")
            yield _for(name, column, patterns), self._parse(name, f"t.{_quoted(column)} not rlike {whole}")

    def _references(self, name: str, references: Mapping[str, str]) -> Iterator[tuple[str, Inclusion]]:
        for here, there in references.items():
            columns = _listed(here)
            for column in columns:
                self._known(name, column)
            table, _, rest = there.partition(".")
            referenced = tuple(part.rpartition(".")[2] for part in _listed(rest))
            if not table or len(referenced) != len(columns) or not all(referenced):
                raise DeclarationError(
                    f"rule {name} of {self.dataset.name} does not say what {here} references: {there!r}",
                    remedy=f"write `references: {{{', '.join(columns)}: table.{', '.join(columns)}}}`",
                )
            self._check_referenced(name, table, referenced)
            derived = _for(name, "_".join(columns), references)
            yield derived, Inclusion(self.dataset.name, columns, table, referenced)

    def _determines(self, name: str, text: str) -> Iterator[tuple[str, DenialConstraint]]:
        left, arrow, right = text.partition("->")
        determinant, dependent = _listed(left), _listed(right)
        if not arrow or not all(determinant) or not all(dependent):
            raise DeclarationError(
                f"rule {name} of {self.dataset.name} is not a functional dependency: {text!r}",
                cause="it says which columns determine which",
                remedy="write `determines: origin, dest -> distance`",
            )
        for column in (*determinant, *dependent):
            self._known(name, column)
        for column in dependent:
            yield (
                _for(name, column, dependent),
                self._parse(name, f"{_agree(determinant)} and t.{_quoted(column)} != s.{_quoted(column)}"),
            )

    # -- checks --------------------------------------------------------------------------------------------------

    def _parse(self, name: str, text: str) -> DenialConstraint:
        with _Named(self.dataset, name):
            return parse(text, self.dataset.name, _types(self.dataset))

    def _check(self, rule: NamedRule) -> None:
        """Refuse a rule that cannot be checked, and one that says nothing: it would call any table clean."""
        if not isinstance(rule.constraint, DenialConstraint):
            return
        with _Named(self.dataset, rule.name):
            refusal = classify(rule.constraint).unsupported
            if refusal:
                raise RuleError(
                    f"no exact plan exists for this rule\n{_whole(rule.constraint)}",
                    cause=refusal, remedy="split the rule, or state it with fewer predicates between the two tuples",
                )  # fmt: skip
            never = never_violated(rule.constraint)
            if never:
                raise RuleError(
                    f"nothing can violate this rule\n{_whole(rule.constraint)}",
                    cause=never, remedy="correct the predicates, or remove the rule",
                )  # fmt: skip
            always = always_violated(rule.constraint)
            if always:
                raise RuleError(
                    f"every value violates this rule\n{_whole(rule.constraint)}",
                    cause=always, remedy="correct the predicates; a column that must be empty: `t.column is not null`",
                )  # fmt: skip

    def _known(self, name: str, column: str) -> None:
        if column in self.dataset.columns:
            return
        from vertebra.denial.refusal import nearest

        like = nearest(column, self.dataset.columns)
        raise RuleError(
            f"rule {name}: {self.dataset.name} has no column {column}",
            cause=f"its columns are {', '.join(self.dataset.columns)}",
            remedy=f"did you mean {like}?" if like else f"write one of them, or declare {column}",
        )

    def _check_referenced(self, name: str, table: str, columns: tuple[str, ...]) -> None:
        if self.datasets is None:
            return
        from vertebra.denial.refusal import nearest

        for what, wanted, known in (
            ("dataset", (table,), self.datasets),
            (f"column of {table}", columns, self.datasets[table].columns if table in self.datasets else {}),
        ):
            for one in wanted:
                if one not in known:
                    like = nearest(one, known)
                    raise DeclarationError(
                        f"rule {name} of {self.dataset.name} references {one}, which is no {what}",
                        cause=f"there are {', '.join(known)}",
                        remedy=f"did you mean {like}?" if like else "vertebra ls datasets",
                    )

    def _literal(self, column: str, value: Any) -> str:
        """A YAML value as a literal of the column's type."""
        kind = self.dataset.columns[column].type.strip().lower()
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, datetime) or (isinstance(value, date | str) and kind.startswith("timestamp")):
            return f"timestamp {_text_literal(str(value))}"
        if isinstance(value, date) or (isinstance(value, str) and kind == "date"):
            return f"date {_text_literal(str(value))}"
        return _text_literal(value) if isinstance(value, str) else repr(value)


class _Named:
    """Says of which rule and dataset a :class:`RuleError` is."""

    def __init__(self, dataset: Dataset, rule: str) -> None:
        self._prefix = f"rule {rule} of {dataset.name}"

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RuleError):
            raise RuleError(
                f"{self._prefix}: {error.fact}", cause=error.cause, remedy=error.remedy, where=error.where
            ) from None


def _check_order(dataset: str, rule: str, low: Any, high: Any) -> None:
    if type(low) is type(high) and low is not None and low > high:
        raise DeclarationError(
            f"rule {rule} of {dataset} allows no value", cause=f"its range begins at {low} and ends at {high}",
            remedy=f"write range: [{high}, {low}]",
        )  # fmt: skip


def _types(dataset: Dataset) -> dict[str, str]:
    return {name: column.type for name, column in dataset.columns.items()}


def _whole(constraint: DenialConstraint) -> str:
    """The text of a rule with carets under all of it."""
    return pointed(constraint.text, 0, len(constraint.text))


def _agree(columns: tuple[str, ...]) -> str:
    """Two tuples agree on the columns."""
    return " and ".join(f"t.{_quoted(column)} = s.{_quoted(column)}" for column in columns)


def _listed(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """``a, b`` and ``[a, b]`` as names."""
    if isinstance(text, tuple):
        return text
    return tuple(part.strip() for part in text.strip().removeprefix("[").removesuffix("]").split(","))


def _for(name: str, column: str, columns: Any) -> str:
    """The rule's own name, or one per column where it makes several."""
    return name if len(columns) == 1 else f"{name}_{column}"


def _quoted(column: str) -> str:
    """A column as it stands in a rule: quoted where it is not a plain name."""
    if re.fullmatch(r"[a-z][a-z0-9_]*", column) and column not in _RESERVED:
        return column
    return "`" + column.replace("`", "``") + "`"


def _text_literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_RESERVED: Final = {"and", "or", "not", "in", "is", "null", "between", "like", "rlike", "case", "when", "then", "end"}
