"""Features of a forecast: when it is made, how many steps ahead, and the last values that are known then.

A row of the view is one step of a series. Steps have a number, so that an earlier value of the series is the one whose
number is lower, found by a join of equal numbers. Steps shorter than a day are numbered in UTC, so that days with 23
and 25 hours have as many; steps of whole days are numbered by the date in the zone of the analysis. A value is known
when its step has ended: the latest one of a forecast is that of the step before it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.declare.analysis import Analysis
from vertebra.declare.analysis_file import location_of
from vertebra.errors import DeclarationError
from vertebra.formatting import counted
from vertebra.quoting import spark_identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.analysis.expressions import Expressions
    from vertebra.declare.forecast_plan import Forecast

ORIGIN: Final = "_origin"
"""Column of the rows of a forecast: when it is made."""

_STEP, _FIRST, _VALUE = "_step", "_first_step", "_value"
_DAY: Final = 86_400
_MONDAY: Final = "1970-01-05"


def with_forecast(analysis: Analysis, view: DataFrame, sql: Expressions) -> DataFrame:
    """The rows of a view with ``_origin``, and the features that the forecast adds.

    Raises:
        DeclarationError: two rows of a series are in one step, or steps are missing and ``missing`` refuses them.
    """
    from pyspark.sql import functions as F

    plan = analysis.forecast
    assert plan is not None
    begins = sql.column(analysis.time, view, "time")
    step, first, origin = _numbers(plan, begins, analysis.zone)
    label = _label(analysis, view, sql)
    rows = view.select("*", step.alias(_STEP), first.alias(_FIRST), origin.alias(ORIGIN), label.alias(_VALUE))
    links = [f"_series{place}" for place in range(len(plan.series))]
    named = [
        F.coalesce(_q(name).cast("string"), F.lit("")).alias(link)
        for name, link in zip(plan.series, links, strict=True)
    ]
    rows = rows.where(F.col(_STEP).isNotNull()).select("*", *named)
    _require_steps(analysis, rows, links)
    values = rows.where(F.col(_VALUE).isNotNull()).select(*links, _STEP, _VALUE)
    if plan.missing == "interpolate":
        values = _interpolated(values, links)
    ahead = F.col(_STEP) - F.col(_FIRST) + F.lit(1)
    rows = rows.withColumn("steps_ahead", ahead.cast("int"))
    for number, season in enumerate(plan.seasons, 1):
        back = F.ceil(F.col("steps_ahead") / F.lit(season)).cast("bigint") * F.lit(season)
        rows = _looked_up(rows, values, links, F.col(_STEP) - back, f"season_{number}")
    for lag in plan.lags:
        rows = _looked_up(rows, values, links, F.col(_FIRST) - F.lit(lag), f"last_{lag}")
    return rows.drop(_STEP, _FIRST, _VALUE, *links)


def _numbers(plan: Forecast, begins: Column, zone: str) -> tuple[Column, Column, Column]:
    """The number of a step, that of the first step of its forecast, and when the forecast is made."""
    from pyspark.sql import functions as F

    def midnight(days: Column) -> Column:
        day = F.date_add(F.lit(_MONDAY).cast("date"), days.cast("int"))
        return F.to_utc_timestamp(day.cast("timestamp"), zone)

    date = F.from_utc_timestamp(begins, zone).cast("date")
    days = F.datediff(date, F.lit(_MONDAY).cast("date"))
    if plan.step_seconds >= _DAY:
        length = plan.step_seconds // _DAY
        step = F.floor(days / F.lit(length)).cast("bigint")
        first = F.floor(step / F.lit(plan.steps)).cast("bigint") * F.lit(plan.steps)
        return step, first, midnight(first * F.lit(length))
    step = F.floor(F.unix_seconds(begins) / F.lit(plan.step_seconds)).cast("bigint")
    seconds = plan.steps * plan.step_seconds
    if seconds % _DAY:
        first = F.floor(step / F.lit(plan.steps)).cast("bigint") * F.lit(plan.steps)
        return step, first, F.timestamp_seconds(first * F.lit(plan.step_seconds))
    origin = midnight(F.floor(days / F.lit(seconds // _DAY)) * F.lit(seconds // _DAY))
    return step, F.floor(F.unix_seconds(origin) / F.lit(plan.step_seconds)).cast("bigint"), origin


def _label(analysis: Analysis, view: DataFrame, sql: Expressions) -> Column:
    from pyspark.sql import functions as F

    from vertebra.analysis.leakage import names_in

    assert analysis.label is not None
    if not names_in(analysis.label, analysis) <= {name.lower() for name in view.columns}:
        return F.lit(None).cast("double")
    return sql.column(analysis.label, view, "label").cast("double")


def _looked_up(rows: DataFrame, values: DataFrame, links: list[str], step: Column, name: str) -> DataFrame:
    """Add the value of another step of the series as a column."""
    from pyspark.sql import functions as F

    wanted = rows.withColumn("_wanted", step)
    found = values.select(
        *(F.col(link).alias(f"_of{link}") for link in links), F.col(_STEP).alias("_found"), F.col(_VALUE).alias(name)
    )
    same = [F.col(link) == F.col(f"_of{link}") for link in links]
    joined = wanted.join(found, [*same, F.col("_wanted") == F.col("_found")], "left")
    return joined.drop("_wanted", "_found", *(f"_of{link}" for link in links))


def _interpolated(values: DataFrame, links: list[str]) -> DataFrame:
    """The known values, and a straight line between each and the next one."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    ordered = Window.partitionBy(*([F.col(link) for link in links] or [F.lit(0)])).orderBy(_STEP)
    step, value = F.col(_STEP), F.col(_VALUE)
    ends = values.select(
        *links, _STEP, _VALUE, F.lead(step).over(ordered).alias("_next"), F.lead(value).over(ordered).alias("_then")
    )
    last = F.coalesce(F.col("_next") - F.lit(1), step)
    line = ends.select("*", F.explode(F.sequence(step, last)).alias("_at"))
    share = (F.col("_at") - step) / (F.col("_next") - step)
    filled = F.when(F.col("_at") == step, value).otherwise(value + share * (F.col("_then") - value))
    return line.select(*links, F.col("_at").alias(_STEP), filled.alias(_VALUE))


def _require_steps(analysis: Analysis, rows: DataFrame, links: list[str]) -> None:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    plan = analysis.forecast
    assert plan is not None
    twice = rows.groupBy(*links, _STEP).agg(F.count(F.lit(1)).alias("rows"), F.min(ORIGIN).alias(ORIGIN))
    repeated = twice.where("rows > 1").orderBy(*links, _STEP).limit(1).collect()
    if repeated:
        raise _wrong(
            analysis,
            f"{_name(plan, repeated[0], links)} has {repeated[0]['rows']} rows in one step of {plan.step}, "
            f"of the forecast made at {repeated[0][ORIGIN]} (UTC)",
            "a row of the view is one step of a series, and time is when it begins",
            "aggregate the view to one row per step, or name all columns in series that tell the series apart",
        )
    if plan.missing != "refuse":
        return
    ordered = Window.partitionBy(*([F.col(link) for link in links] or [F.lit(0)])).orderBy(_STEP)
    known = rows.where(F.col(_VALUE).isNotNull())
    after = (F.lead(_STEP).over(ordered) - F.col(_STEP) - F.lit(1)).alias("missing")
    gaps = known.select(*links, _STEP, ORIGIN, after).where("missing > 0")
    total = gaps.agg(F.sum("missing").alias("missing"), F.count(F.lit(1)).alias("gaps")).collect()[0]
    if not total["missing"]:
        return
    first = gaps.orderBy(ORIGIN, _STEP, *links).limit(1).collect()[0]
    raise _wrong(
        analysis,
        f"{counted(total['missing'], 'step')} of {plan.step} {'is' if total['missing'] == 1 else 'are'} missing in "
        f"{counted(total['gaps'], 'gap')}, the first in {_name(plan, first, links)}, after the forecast made at "
        f"{first[ORIGIN]} (UTC)",
        "the value of a season ago, or the last one, would be unknown, or one of another time",
        "fill the view, or declare missing='interpolate' or missing='leave' in forecast",
    )


def _name(plan: Forecast, row: object, links: list[str]) -> str:
    parts = [f"{name} {row[link]}" for name, link in zip(plan.series, links, strict=True)]  # type: ignore[index]
    return "series " + ", ".join(parts) if parts else "the series"


def _wrong(analysis: Analysis, fact: str, cause: str, remedy: str) -> DeclarationError:
    return DeclarationError(fact, cause=cause, remedy=remedy, where=location_of(analysis, "forecast"))


def _q(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.col(spark_identifier(name))
