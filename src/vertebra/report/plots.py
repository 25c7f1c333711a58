"""Plots as SVG for a page: labelled, with units, from zero. Colours are the page's, by CSS classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from vertebra.report.formatting import share
from vertebra.report.markup import Markup, el

if TYPE_CHECKING:
    from datetime import datetime

_WIDTH: Final = 380
_HEIGHT: Final = 210
_LEFT: Final = 52
_RIGHT: Final = 10
_TOP: Final = 14
_BOTTOM: Final = 36
_LABEL_ROOM: Final = 62
"""Pixels that a label under the axis needs."""


@dataclass(frozen=True)
class RunBar:
    """The violations of one run.

    Attributes:
        kept: were there in the run before.
        new: were not.
        unknown: cannot be compared with a run before.
        gone: were in the run before and are no longer; drawn below zero.
    """

    at: datetime
    kept: int
    new: int
    unknown: int
    gone: int

    @property
    def found(self) -> int:
        """All that the run found."""
        return self.kept + self.new + self.unknown


def violations_plot(bars: Sequence[RunBar], label: str) -> Markup:
    """What each run found, stacked, and below zero what was gone.

    Args:
        label: what the plot shows, for those who do not see it.
    """
    high = max(max(bar.found for bar in bars), 1)
    low = max(bar.gone for bar in bars)
    step = _step(high + low)
    top, bottom = math.ceil(high / step) * step, math.ceil(low / step) * step
    scale = (_HEIGHT - _TOP - _BOTTOM) / (top + bottom)

    def y(value: float) -> float:
        return _TOP + (top - value) * scale

    parts = [_grid(y(tick), compact(abs(tick))) for tick in range(-bottom, top + 1, step)]
    slot = (_WIDTH - _LEFT - _RIGHT) / max(len(bars), 6)
    width = min(slot * 0.7, 34)
    for place, bar in enumerate(bars):
        x = _LEFT + slot * (place + 0.5)
        told = f"{bar.at:%Y-%m-%d %H:%M} UTC: {bar.found:,} violations"
        if not bar.unknown:
            told += f"; {bar.new:,} new, {bar.kept:,} persisting, {bar.gone:,} gone"
        stack, base = [el("title", told)], 0
        for value, kind in ((bar.unknown, "unknown"), (bar.kept, "kept"), (bar.new, "new")):
            if value:
                stack.append(_rect(x - width / 2, y(base + value), width, value * scale, kind))
                base += value
        if bar.gone:
            stack.append(_rect(x - width / 2, y(0), width, bar.gone * scale, "gone"))
        parts.append(el("g", stack))
    parts.append(el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(0), y2=y(0), class_="axis"))
    parts += _times([bar.at for bar in bars], slot)
    return _svg(parts, _WIDTH, _HEIGHT, label)


def share_plot(times: Sequence[datetime], values: Sequence[float | None], label: str) -> Markup:
    """A share, 0 to 1, over runs; a gap where it is not applicable."""

    def y(value: float) -> float:
        return _TOP + (1 - value) * (height - _TOP - _BOTTOM)

    height = 140
    slot = (_WIDTH - _LEFT - _RIGHT) / max(len(values), 6)
    parts = [_grid(y(tick), f"{tick:.0%}".replace("%", " %")) for tick in (0.0, 0.5, 1.0)]
    points = [(_LEFT + slot * (i + 0.5), y(v), v) for i, v in enumerate(values) if v is not None]
    runs: list[list[str]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(f"{_LEFT + slot * (i + 0.5):.1f},{y(value):.1f}")
    parts += [el("polyline", points=" ".join(run), class_="trend") for run in runs if len(run) > 1]
    parts += [el("circle", el("title", share(v)), cx=x, cy=at, r=3, class_="dot") for x, at, v in points]
    parts.append(el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y(0), y2=y(0), class_="axis"))
    parts += _times(times, slot, height)
    return _svg(parts, _WIDTH, height, label)


def spark_bars(values: Sequence[int], label: str) -> Markup:
    """Counts over runs as a word-sized plot, from zero; the last stands out."""
    most = max([*values, 1])
    width, height, gap = 6, 22, 2
    parts = [el("title", label)]
    for place, value in enumerate(values):
        tall = max(value / most * height, 1.0 if value else 0.0)
        last = place == len(values) - 1
        parts.append(_rect(place * (width + gap), height - tall, width, tall, "spark last" if last else "spark"))
    across = len(values) * (width + gap) - gap
    parts.append(el("line", x1=0, x2=across, y1=height, y2=height, class_="axis"))
    return _svg(parts, across, height + 1, label, class_="sparkline", width=across, height=height + 1)


def compact(value: float) -> str:
    """A number for an axis: ``950``, ``12 k``, ``1.5 M``."""
    for size, unit in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


def _step(span: int) -> int:
    """A distance between ticks that gives three to six of them: 1, 2 or 5 times a power of ten."""
    rough = max(span / 5, 1)
    power = 10 ** math.floor(math.log10(rough))
    return int(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))


def _grid(y: float, text: str) -> Markup:
    line = el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid")
    return el("g", line, el("text", text, x=_LEFT - 7, y=y + 4, text_anchor="end"))


def _rect(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return el("rect", x=x, y=y, width=width, height=height, class_=kind)


def _times(times: Sequence[datetime], slot: float, height: int = _HEIGHT) -> list[Markup]:
    """As many times under the axis as fit, the last among them."""
    form = "%Y-%m-%d"
    if len(times) > 1 and len({f"{time:{form}}" for time in times}) < len(times):
        form = "%m-%d %H:%M" if max(times) - min(times) >= timedelta(days=1) else "%H:%M:%S"
    every = max(1, math.ceil(_LABEL_ROOM / slot))
    found = []
    for place, time in enumerate(times):
        if (len(times) - 1 - place) % every == 0:
            text = f"{time:{form}}"
            x = min(max(_LEFT + slot * (place + 0.5), _LEFT + 22), _WIDTH - _RIGHT - 30)
            found.append(el("text", text, x=x, y=height - _BOTTOM + 16, text_anchor="middle"))
    return found


def _svg(parts: list[Markup], wide: float, high: float, label: str, **more: object) -> Markup:
    given = {"class_": "plot"} | more
    return el("svg", parts, viewBox=f"0 0 {wide:g} {high:g}", role="img", aria_label=label, **given)
