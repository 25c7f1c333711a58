"""The SparkSQL query of a series, see :mod:`vertebra.declare.series`.

Times are counted in microseconds since 1970, so that no arithmetic on them is rounded. A step has a *label*: in steps
of an hour and shorter, the instant at which it begins; in longer ones, the local time at which it begins, counted as if
it were UTC. Labels of a series follow each other at equal distances or by calendar months, whatever clocks do; the
instants at which a step begins and ends follow from them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from vertebra.declare.series import ORDERED, Series, SeriesColumn
from vertebra.declare.time_step import TimeStep, shift_seconds
from vertebra.quoting import spark_identifier, spark_text

_SECOND: Final = 1_000_000
_MONDAY: Final = 4 * 86400 * _SECOND
"""The first Monday after 1 January 1970, a Thursday."""
_NOISE: Final = 1e-12
"""The part of a counter by which floating-point numbers may differ that mean the same: 2.7 MWh and 2700 kWh."""
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_AGGREGATES: Final = {"sum": "sum", "mean": "avg", "min": "min", "max": "max", "count": "count"}


def series_sql(series: Series) -> str:
    """The query of the rows of a series.

    Example:
        >>> from vertebra.declare.series import Series
        >>> hourly = Series.model_validate({
        ...     "from": "trusted.doors", "time": "at", "step": "1 hour", "columns": {"opened": {"count": "at"}},
        ... })
        >>> series_sql(hourly).splitlines()[0]
        'with records as ('
    """
    by = [spark_identifier(name) for name in series.by]
    parts = [_records(series, by), _labelled(series), *_steps(series, by)]
    differences = {number: one for number, one in enumerate(series.columns.values()) if one.figure == "difference"}
    aggregated = {number: one for number, one in enumerate(series.columns.values()) if number not in differences}
    if aggregated:
        parts.append(_figures(by, aggregated))
    for number, column in differences.items():
        parts += _difference(series, by, number, column)
    parts.append(_joined(by, list(aggregated), list(differences)))
    filled = {number: one for number, one in aggregated.items() if one.fill in ("linear", "last")}
    if filled:
        parts.append(_neighbours(by, list(filled)))
    outputs = ",\n  ".join(_outputs(series, by))
    return f"{_with(parts)}\nselect\n  {outputs}\nfrom {'neighbours' if filled else 'joined'}"


def counts_sql(series: Series) -> str:
    """A query of one row about the records: how many there are, and how many steps they span.

    Returns:
        SQL of the columns ``records``, ``steps``, ``first_at``, ``last_at`` and ``ambiguous``, the number of instants
        at which records of one series differ in a figure that depends on their order.
    """
    by = [spark_identifier(name) for name in series.by]
    length = (series.every.seconds or round(series.every.longest.total_seconds())) * _SECOND
    spans = _steps(series, by)[0]
    group = ", ".join([*by, "_us"])
    differ = " or ".join(f"min({name}) < max({name})" for name in _ordered_columns(series)) or "false"
    parts = [
        _records(series, by),
        _labelled(series),
        spans,
        ("lengths", f"select sum((_last - _first) div {length}L + 1) as steps from spans"),
        ("times", "select count(*) as records, min(_us) as _least, max(_us) as _greatest from records"),
        ("instants", f"select {group} from records group by {group} having {differ}"),
        ("ambiguities", "select count(*) as ambiguous from instants"),
    ]
    columns = "records, steps, timestamp_micros(_least) as first_at, timestamp_micros(_greatest) as last_at, ambiguous"
    return f"{_with(parts)}\nselect {columns} from lengths cross join times cross join ambiguities"


def ambiguity_sql(series: Series) -> str:
    """A query of one instant at which records of a series differ: the columns of ``by``, ``at``, and two values of each
    column whose order matters, ``least_0``, ``greatest_0``, and so on."""
    by = [spark_identifier(name) for name in series.by]
    ordered = _ordered_columns(series)
    group = ", ".join([*by, "_us"])
    differ = " or ".join(f"min({name}) < max({name})" for name in ordered)
    ends = ", ".join(f"min({name}) as least_{n}, max({name}) as greatest_{n}" for n, name in enumerate(ordered))
    columns = ", ".join([*by, "timestamp_micros(_us) as at", ends])
    query = f"select {columns} from records group by {group} having {differ} order by {group} limit 1"
    return f"{_with([_records(series, by)])}\n{query}"


def zones_sql(series: Series, column: str) -> str:
    """A query of the time zones of the records, in the column ``zone``."""
    records = _records(series, [spark_identifier(name) for name in series.by])
    return f"{_with([records])}\nselect distinct {spark_identifier(column)} as zone from records"


def ordered_columns(series: Series) -> list[str]:
    """The columns of figures that depend on the order of records."""
    return list(dict.fromkeys(one.column for one in series.columns.values() if one.figure in ORDERED))


def _ordered_columns(series: Series) -> list[str]:
    return [spark_identifier(name) for name in ordered_columns(series)]


_Part = tuple[str, str]
"""A common table expression: its name and query."""


def _with(parts: list[_Part]) -> str:
    return "with " + ",\n".join(f"{name} as (\n  {text}\n)" for name, text in parts)


def _records(series: Series, by: list[str]) -> _Part:
    read = dict.fromkeys(name for column in series.columns.values() for name in column.columns)
    names = [*by, *(spark_identifier(name) for name in read if name not in series.by)]
    time = spark_identifier(series.time)
    known = " and ".join(f"{name} is not null" for name in (*by, time))
    columns = ", ".join([*names, f"unix_micros(cast({time} as timestamp)) as _us"])
    return "records", f"select {columns}\n  from {series.source}\n  where {known}"


def _labelled(series: Series) -> _Part:
    return "labelled", f"select *, {_label(series, '_us')} as _label from records"


def _steps(series: Series, by: list[str]) -> list[_Part]:
    """Every step from the first to the last record of each series."""
    group = f" group by {', '.join(by)}" if by else ""
    columns = ", ".join([*by, "min(_label) as _first", "max(_label) as _last"])
    every = ", ".join([*by, f"{_sequence(series.every, '_first', '_last')} as _at"])
    timed = ", ".join([*by, f"{_exploded(series.every, '_at')} as _label"])
    edges = f"{_begin(series, '_label')} as _begin, {_begin(series, _next(series.every, '_label'))} as _end"
    return [
        ("spans", f"select {columns} from labelled{group}"),
        ("numbered", f"select {every} from spans"),
        ("steps", f"select {timed} from numbered"),
        ("timed", f"select *, {edges} from steps"),
    ]


def _figures(by: list[str], columns: dict[int, SeriesColumn]) -> _Part:
    """The figures of the records in each step."""
    figures = []
    for number, column in columns.items():
        name = spark_identifier(column.column)
        if column.figure in ORDERED:
            function = "max_by" if column.figure == "last" else "min_by"
            figures.append(f"{function}({name}, case when {name} is not null then _us end) as _c{number}")
        else:
            figures.append(f"{_AGGREGATES[column.figure]}({name}) as _c{number}")
    keys = ", ".join([*by, "_label"])
    return "figures", f"select {keys}, {', '.join(figures)} from labelled group by {keys}"


def _difference(series: Series, by: list[str], number: int, column: SeriesColumn) -> list[_Part]:
    """What a counter counted in each step, from the readings before, in and after it."""
    name, step = spark_identifier(column.column), series.every
    reach = round((column.reach or step.longest) / timedelta(microseconds=1))
    over = f"over ({_partition(by)}order by _us)"
    modulo = [f"cast({_modulo(column)} as double) as _modulo"] if column.modulo is not None else []
    readings = ", ".join(
        [*by, "_us as _to", f"{name} as _value", f"lag(_us) {over} as _from", f"lag({name}) {over} as _before", *modulo]
    )
    amounts = ", ".join([*by, "_from", "_to", f"{_amount(column, step)} as _amount"])
    first, last = _label(series, "_from"), _label(series, "_to - 1")
    pieces = ", ".join([*by, "_from", "_to", "_amount", f"{_sequence(step, first, last)} as _at"])
    labelled = ", ".join([*by, "_from", "_to", "_amount", f"{_exploded(step, '_at')} as _label"])
    edges = f"{_begin(series, '_label')} as _begin, {_begin(series, _next(step, '_label'))} as _end"
    keys = ", ".join([*by, "_label"])
    share = "case when _begin <= _from and _to <= _end then _amount else _amount * (_shared / (_to - _from)) end"
    return [
        (f"readings_{number}", f"select {readings} from records where {name} is not null"),
        (
            f"amounts_{number}",
            f"select {amounts} from readings_{number}\n  where _to > _from and _to - _from <= {reach}L",
        ),
        (f"spread_{number}", f"select {pieces} from amounts_{number} where _amount is not null"),
        (f"pieces_{number}", f"select {labelled} from spread_{number}"),
        (f"edges_{number}", f"select *, {edges} from pieces_{number}"),
        (f"shared_{number}", f"select *, least(_to, _end) - greatest(_from, _begin) as _shared from edges_{number}"),
        (
            f"counted_{number}",
            f"select {keys}, sum({share}) as _value, sum(_shared) as _covered,\n"
            f"    max(case when _to - _from > _end - _begin then 1 else 0 end) as _bridged\n"
            f"  from shared_{number} group by {keys}",
        ),
    ]


def _modulo(column: SeriesColumn) -> str:
    return spark_identifier(column.modulo) if isinstance(column.modulo, str) else repr(column.modulo)


def _amount(column: SeriesColumn, step: TimeStep) -> str:
    """What a counter counted between two readings; NULL where that is not known."""
    risen = "cast(_value - _before as double)"
    nominal = step.seconds or round(step.longest.total_seconds())
    bound = (
        "" if column.at_most is None else f"{column.at_most!r}D * greatest(1D, (_to - _from) / {nominal * _SECOND}D)"
    )
    within = "{} <= " + bound if bound else ""
    cases = [
        f"when _value >= _before then {_if(within, risen)}",
        f"when _before - _value <= abs(_before) * {_NOISE}D then 0D",
    ]
    if column.modulo is not None:
        likely = within or "{} < _modulo / 2"
        rolled = f"{risen} + _modulo"
        cases.append(f"when _before < _modulo and {likely.format(f'({rolled})')} then {rolled}")
    if column.reset == "zero":
        shown = "cast(_value as double)"
        cases.append(f"when _value >= 0 then {_if(within, shown)}")
    return f"case {' '.join(cases)} end"


def _if(condition: str, value: str) -> str:
    return f"case when {condition.format(value)} then {value} end" if condition else value


def _joined(by: list[str], aggregated: list[int], differences: list[int]) -> _Part:
    """The figures beside every step."""
    columns = [*(f"timed.{name}" for name in by), "timed._label", "timed._begin", "timed._end"]
    columns += [f"figures._c{number}" for number in aggregated]
    joins = ["figures"] if aggregated else []
    for number in differences:
        one = f"counted_{number}"
        columns.append(f"case when {one}._covered = timed._end - timed._begin then {one}._value end as _c{number}")
        columns.append(f"{one}._bridged as _bridged_{number}")
        joins.append(one)
    joined = "".join(
        f"\n  left join {one} on " + " and ".join(f"{one}.{key} = timed.{key}" for key in (*by, "_label"))
        for one in joins
    )
    return "joined", f"select {', '.join(columns)}\n  from timed{joined}\n  where timed._end > timed._begin"


def _neighbours(by: list[str], filled: list[int]) -> _Part:
    """The values before and after each step, with their times, of columns that are filled."""
    over = f"over ({_partition(by)}order by _begin rows between {{}})"
    before, after = (
        over.format("unbounded preceding and current row"),
        over.format("current row and unbounded following"),
    )
    columns = []
    for number in filled:
        value, time = f"_c{number}", f"case when _c{number} is not null then _begin end"
        columns += [
            f"last({value}) ignore nulls {before} as _before_{number}",
            f"max({time}) {before} as _from_{number}",
        ]
        columns += [f"first({value}) ignore nulls {after} as _after_{number}", f"min({time}) {after} as _to_{number}"]
    shown = ",\n    ".join(columns)
    return "neighbours", f"select *,\n    {shown}\n  from joined"


def _partition(by: list[str]) -> str:
    return f"partition by {', '.join(by)} " if by else ""


def _outputs(series: Series, by: list[str]) -> list[str]:
    found = [*by, "timestamp_micros(_begin) as begins", "timestamp_micros(_end) as ends"]
    if series.every.has_date:
        found.append(f"cast(timestamp_micros(_label) as date) as {series.every.unit}")
    for number, (name, column) in enumerate(series.columns.items()):
        value, alias = f"_c{number}", spark_identifier(name)
        if column.figure == "count":
            value = f"coalesce({value}, 0L)"
        filled = _filled(number, column)
        found.append(f"{filled or value} as {alias}")
        flag = spark_identifier(f"{name}_filled")
        if column.figure == "difference":
            found.append(f"coalesce({value} is not null and _bridged_{number} = 1, false) as {flag}")
        elif filled:
            found.append(f"{value} is null and {filled} is not null as {flag}")
    return found


def _filled(number: int, column: SeriesColumn) -> str:
    """The value of a step, filled where it has none."""
    value = f"_c{number}"
    if column.fill is None:
        return ""
    if column.fill == "zero":
        return f"coalesce({value}, 0)"
    reach = round((column.reach or timedelta(0)) / timedelta(microseconds=1))
    before, after, start, end = (f"_{one}_{number}" for one in ("before", "after", "from", "to"))
    if column.fill == "last":
        return f"case when {value} is not null then {value} when _begin - {start} <= {reach}L then {before} end"
    between = f"{before} + ({after} - {before}) * ((_begin - {start}) / ({end} - {start}))"
    return f"case when {value} is not null then {value} when {end} - {start} <= {reach}L then {between} end"


# -- labels and edges of steps -----------------------------------------------------------------------------------------


def _local(series: Series, micros: str) -> str:
    """The local time of an instant, counted as if it were UTC."""
    at = f"timestamp_micros({micros})"
    return at if series.zone == "UTC" else f"from_utc_timestamp({at}, {_zone(series)})"


def _zone(series: Series) -> str:
    return spark_text(series.zone) if isinstance(series.zone, str) else spark_identifier(series.zone.column)


def _label(series: Series, micros: str) -> str:
    step = series.every
    local = _local(series, micros)
    if step.elapsed and isinstance(series.zone, str):
        return _floored(micros, step, shift_seconds(step, series.zone) * _SECOND)
    if step.elapsed:
        return f"({micros}) - pmod(unix_micros({local}), {(step.seconds or 0) * _SECOND}L)"
    if step.unit in _MONTHS:
        return f"unix_micros(date_trunc('{step.unit}', {local}))"
    counted = micros if series.zone == "UTC" else f"unix_micros({local})"
    return _floored(counted, step, _MONDAY if step.unit == "week" else 0)


def _floored(micros: str, step: TimeStep, start: int) -> str:
    length = (step.seconds or 0) * _SECOND
    counted = f"({micros})"
    return f"{counted} - pmod({counted} - {start}L, {length}L)" if start else f"{counted} - pmod({counted}, {length}L)"


def _next(step: TimeStep, label: str) -> str:
    if step.unit in _MONTHS:
        date = f"cast(timestamp_micros({label}) as date)"
        return f"unix_micros(cast(add_months({date}, {_MONTHS[step.unit]}) as timestamp))"
    return f"{label} + {(step.seconds or 0) * _SECOND}L"


def _begin(series: Series, label: str) -> str:
    """The instant at which the step of a label begins."""
    if series.every.elapsed or series.zone == "UTC":
        return label
    return f"unix_micros(to_utc_timestamp(timestamp_micros({label}), {_zone(series)}))"


def _sequence(step: TimeStep, first: str, last: str) -> str:
    """The labels from one to another as rows: numbers, or dates for steps of months."""
    if step.unit in _MONTHS:
        dates = ", ".join(f"cast(timestamp_micros({label}) as date)" for label in (first, last))
        return f"explode(sequence({dates}, interval {_MONTHS[step.unit]} month))"
    return f"explode(sequence({first}, {last}, {(step.seconds or 0) * _SECOND}L))"


def _exploded(step: TimeStep, at: str) -> str:
    """The label of a row of :func:`_sequence`."""
    return f"unix_micros(cast({at} as timestamp))" if step.unit in _MONTHS else at
