"""``rises: {column: counter, by: device, order: read_at}`` requires that a counter does not fall."""

from __future__ import annotations

from collections.abc import Iterator

from vertebra.declare.rule_scope import RuleScope, column_of
from vertebra.declare.rule_sugar import Constraint, Sugar
from vertebra.declare.sequence import Sequence, bare, micros, over, rate, time_column
from vertebra.errors import DeclarationError


class Counter(Sequence):
    """A column that does not fall from a row to the next one; rows in which it is NULL are skipped.

    Attributes:
        column: the counter.
        modulo: where it rolls over: a number, or SQL over the row, e.g. ``case device when 'A' then 1000 else 10000
            end``. It needs ``at_most``, which tells a roll-over from a fall; values outside 0 to ``modulo`` are
            violations.
        at_most: how much it rises at most: ``50`` from a row to the next one, or ``50 per hour``.
        reset: the later rows at which it may begin anew, SQL over the row, e.g. ``status = 'replaced'``.
    """

    column: str
    modulo: int | float | str | None = None
    at_most: int | float | str | None = None
    reset: str | None = None


class Rises(Sugar):
    """A counter of each sequence."""

    name = "rises"
    position = 70
    summary = "A counter does not fall from a row to the next one, and rises by no more than declared."
    rule_type = Counter
    example = {"column": "air_time", "by": "tailnum", "order": "time_hour", "at_most": 900}  # noqa: RUF012

    def compile(self, value: Counter, scope: RuleScope) -> Iterator[tuple[str, Constraint]]:
        """A rule that it does not fall; with ``at_most``, one that it does not jump; with ``modulo``, its range."""
        scope.check_columns((value.column, *value.columns))
        if value.modulo is not None and value.at_most is None:
            raise DeclarationError(
                f"{scope.label} has `modulo` without `at_most`",
                cause="every fall may be a roll-over",
                remedy="write how much the counter rises at most, e.g. `at_most: 50` or `at_most: 50 per hour`",
            )
        before, after = column_of("t", value.column), column_of("s", value.column)
        following = value.following(f"{bare(value.column)} is not null")
        unless = f" and not coalesce({over(scope, value.reset, 's')}, false)" if value.reset is not None else ""
        falls = f"{after} < {before}"
        if value.at_most is not None:
            first, second, rise = _compared(value, scope)
            jumps = f"{second.format(after)} > {first.format(before)}{rise}"
            if value.modulo is not None:
                turned = second.format(f"({after} + ({over(scope, value.modulo, 's')}))")
                falls = f"{falls} and {turned} > {first.format(before)}{rise}"
            yield f"{scope.rule}_jumps", scope.parse(f"{following} {jumps}{unless}")
        if value.modulo is not None:
            within = f"{before} >= 0 and {before} < ({over(scope, value.modulo, 't')})"
            yield f"{scope.rule}_range", scope.parse(f"{before} is not null and not coalesce({within}, false)")
        yield scope.rule, scope.parse(f"{following} {falls}{unless}")


def _compared(value: Counter, scope: RuleScope) -> tuple[str, str, str]:
    """Formats of the values of both rows, and what is added to the first one: their difference is the rise."""
    assert value.at_most is not None
    most, seconds = rate(scope, value.at_most)
    if seconds is None:
        return "{}", "{}", f" + {most}"
    # s.counter - t.counter > most * hours, with each row on its own side and without divisions
    column = time_column(scope, value.order)
    kind = scope.columns[column].strip().lower()
    times = [f"{{}} * {seconds * 1_000_000} - {most} * {micros(one, column, kind)}" for one in ("t", "s")]
    return times[0], times[1], ""


SUGAR = Rises()
