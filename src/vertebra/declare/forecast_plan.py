"""What a forecast predicts: the series, their step, and how far ahead."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from vertebra.declare.declaration import Declaration
from vertebra.declare.quantity import parse_duration

_DAY = timedelta(days=1)


class Forecast(Declaration):
    """The series of a forecast, and its horizon.

    Each row of the view is one step of a series; the ``time`` of the analysis is when the step begins, and its value is
    known when it ends. Forecasts are made at the beginning of each horizon, e.g. at midnight for all hours of the day.

    Attributes:
        series: columns that tell the series apart, e.g. ``("device",)``. They and the time identify a row.
        step: the length of a step, e.g. ``1 hour``. Steps of whole days begin at midnight in the ``zone`` of the
            analysis.
        horizon: how far ahead: a whole number of steps, e.g. ``1 day``. Horizons of whole days begin at midnight in the
            zone, those of whole weeks on a Monday.
        season: after how long the series repeats, the most important first, e.g. ``("1 week", "1 day")``. The value of
            the last season that is known is a feature, ``season_<n>``, and that of the first season is the baseline.
        lags: the last values that are known when the forecast is made are features, ``last_<n>``: 1 is the latest.
        missing: what is done with steps that a series lacks between its first and last. ``refuse``; ``interpolate``:
            a straight line between the values before and after, in training only; ``leave``: they stay unknown.

    Example:
        >>> vertebra.Forecast(series=("device",), step="1 hour", horizon="1 day", season=("1 day",)).steps
        24
    """

    series: tuple[str, ...] = ()
    step: str
    horizon: str
    season: tuple[str, ...] = Field(min_length=1)
    lags: tuple[int, ...] = (1,)
    missing: Literal["refuse", "interpolate", "leave"] = "refuse"

    @field_validator("step", "horizon")
    @classmethod
    def _readable(cls, text: str) -> str:
        if parse_duration(text) < timedelta(seconds=1):
            raise ValueError(f"{text!r} is shorter than a second")
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Forecast:
        step = parse_duration(self.step)
        for name, text in [("horizon", self.horizon), *(("season", one) for one in self.season)]:
            if parse_duration(text) % step or parse_duration(text) < step:
                raise ValueError(f"{name} {text} is not a whole number of steps of {self.step}")
        if (step > _DAY and step % _DAY) or (step < _DAY and _DAY % step):
            raise ValueError(f"step {self.step} neither divides a day nor is a whole number of days")
        if any(lag < 1 for lag in self.lags):
            raise ValueError("lags are 1 or more; 1 is the latest value that is known")
        return self

    @property
    def step_seconds(self) -> int:
        """The length of a step."""
        return round(parse_duration(self.step).total_seconds())

    @property
    def steps(self) -> int:
        """The number of steps of a horizon."""
        return parse_duration(self.horizon) // parse_duration(self.step)

    @property
    def seasons(self) -> tuple[int, ...]:
        """The length of each season in steps."""
        return tuple(parse_duration(one) // parse_duration(self.step) for one in self.season)

    @property
    def made(self) -> tuple[str, ...]:
        """The names of the features that a forecast adds."""
        return (
            *(f"season_{number}" for number in range(1, len(self.season) + 1)),
            *(f"last_{lag}" for lag in self.lags),
            "steps_ahead",
        )
