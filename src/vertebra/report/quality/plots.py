"""Plots of the quality page as SVG, with labels, units and axes from zero. The CSS of the page sets the colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from vertebra.formatting import counted, percentage
from vertebra.templates import render

if TYPE_CHECKING:
    from datetime import datetime

    from markupsafe import Markup

_WIDTH: Final = 380
_HEIGHT: Final = 210
_SHARE_HEIGHT: Final = 140
_LEFT: Final = 52
_RIGHT: Final = 10
_TOP: Final = 14
_BOTTOM: Final = 36
_LABEL_WIDTH: Final = 62
"""Width of a label under the axis, in pixels."""
_SPARKLINE_HEIGHT: Final = 22
_SPARKLINE_BAR: Final = 6
_SPARKLINE_GAP: Final = 2


@dataclass(frozen=True)
class RunBar:
    """The violations of one run.

    Attributes:
        kept: violations that the previous run found too.
        new: violations that the previous run did not find.
        unknown: violations that cannot be compared with a previous run.
        gone: violations that only the previous run found; drawn below zero.
    """

    at: datetime
    kept: int
    new: int
    unknown: int
    gone: int

    @property
    def found(self) -> int:
        """All violations that the run found."""
        return self.kept + self.new + self.unknown


@dataclass(frozen=True)
class _Rectangle:
    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True)
class _Bar:
    title: str
    rectangles: Sequence[_Rectangle]


@dataclass(frozen=True)
class _Dot:
    x: float
    y: float
    title: str


@dataclass(frozen=True)
class _Label:
    """A label of an axis; ``place`` is x on the horizontal axis, y on the vertical axis."""

    place: float
    text: str


@dataclass(frozen=True)
class _Plot:
    """The content of a plot.

    Attributes:
        label: a description of the plot for screen readers.
        zero: y of the horizontal axis.
        ticks: the labels of the vertical axis.
        below: the labels of the horizontal axis.
        lines: the points of each line, in SVG syntax.
    """

    label: str
    height: float
    zero: float
    ticks: Sequence[_Label]
    below: Sequence[_Label]
    bars: Sequence[_Bar] = ()
    lines: Sequence[str] = ()
    dots: Sequence[_Dot] = ()
    width: float = _WIDTH
    left: float = _LEFT
    right: float = _WIDTH - _RIGHT


def violations_plot(bars: Sequence[RunBar], label: str) -> Markup:
    """A stacked bar chart of the violations of each run; violations that are gone are drawn below zero.

    Args:
        bars: one per run; at least one.
        label: a description of the plot for screen readers.
    """
    high = max(max(bar.found for bar in bars), 1)
    low = max(bar.gone for bar in bars)
    step = _step(high + low)
    top, bottom = math.ceil(high / step) * step, math.ceil(low / step) * step
    scale = (_HEIGHT - _TOP - _BOTTOM) / (top + bottom)

    def y(value: float) -> float:
        return _TOP + (top - value) * scale

    slot = _slot(len(bars))
    width = min(slot * 0.7, 34)
    drawn = []
    for place, bar in enumerate(bars):
        left = _LEFT + slot * (place + 0.5) - width / 2
        stack, base = [], 0
        for value, kind in ((bar.unknown, "unknown"), (bar.kept, "kept"), (bar.new, "new")):
            if value:
                stack.append(_Rectangle(left, y(base + value), width, value * scale, kind))
                base += value
        if bar.gone:
            stack.append(_Rectangle(left, y(0), width, bar.gone * scale, "gone"))
        drawn.append(_Bar(_bar_title(bar), stack))
    ticks = [_Label(y(tick), compact(abs(tick))) for tick in range(-bottom, top + 1, step)]
    return _svg(_Plot(label, _HEIGHT, y(0), ticks, _times([bar.at for bar in bars], slot), bars=drawn))


def _bar_title(bar: RunBar) -> str:
    title = f"{bar.at:%Y-%m-%d %H:%M} UTC: {counted(bar.found, 'violation')}"
    return title if bar.unknown else f"{title}; {bar.new:,} new, {bar.kept:,} persisting, {bar.gone:,} gone"


def share_plot(times: Sequence[datetime], values: Sequence[float | None], label: str) -> Markup:
    """A line chart of a share between 0 and 1 by run, with gaps where the share is not applicable.

    Args:
        times: the times of the runs, one per value.
        values: the shares.
        label: a description of the plot for screen readers.
    """

    def y(value: float) -> float:
        return _TOP + (1 - value) * (_SHARE_HEIGHT - _TOP - _BOTTOM)

    slot = _slot(len(values))
    lines: list[list[str]] = [[]]
    dots = []
    for place, value in enumerate(values):
        if value is None:
            lines.append([])
            continue
        x = _LEFT + slot * (place + 0.5)
        lines[-1].append(f"{x:.1f},{y(value):.1f}")
        dots.append(_Dot(x, y(value), percentage(value)))
    ticks = [_Label(y(tick), percentage(tick)) for tick in (0.0, 0.5, 1.0)]
    points = [" ".join(line) for line in lines if len(line) > 1]
    return _svg(_Plot(label, _SHARE_HEIGHT, y(0), ticks, _times(times, slot), lines=points, dots=dots))


def confidence_plot(repaired: Sequence[int], proposed: Sequence[int], label: str) -> Markup:
    """A stacked histogram of the confidence of repaired and of proposed cells, from 0 to 100 %.

    Args:
        repaired: cells in each bin; the bins have equal widths.
        proposed: the same of proposals.
        label: a description of the plot for screen readers.
    """
    most = max(1, *(one + other for one, other in zip(repaired, proposed, strict=True)))
    step = 2 * _step(most)
    top = math.ceil(most / step) * step
    scale = (_SHARE_HEIGHT - _TOP - _BOTTOM) / top
    slot = (_WIDTH - _LEFT - _RIGHT) / len(repaired)
    zero = float(_SHARE_HEIGHT - _BOTTOM)
    drawn = []
    for place, (made, left) in enumerate(zip(repaired, proposed, strict=True)):
        x, y, stack = _LEFT + slot * place + 1, zero, list[_Rectangle]()
        for cells, kind in ((made, "repaired"), (left, "proposed")):
            if cells:
                # at least a pixel: a cell among thousands has to be seen
                height = max(cells * scale, 1.0)
                y -= height
                stack.append(_Rectangle(x, y, slot - 2, height, kind))
        low, high = place / len(repaired), (place + 1) / len(repaired)
        title = f"confidence {percentage(low)} to {percentage(high)}: {made:,} repaired, {left:,} proposed"
        drawn.append(_Bar(title, stack))
    ticks = [_Label(zero - tick * scale, compact(tick)) for tick in range(0, top + 1, step)]
    below = [_Label(_LEFT + slot * len(repaired) * share, percentage(share)) for share in (0.0, 0.5, 1.0)]
    below[-1] = _Label(_WIDTH - _RIGHT - 16, below[-1].text)
    return _svg(_Plot(label, _SHARE_HEIGHT, zero, ticks, below, bars=drawn))


def sparkline(values: Sequence[float], label: str) -> Markup:
    """A small bar chart of figures by run, by their size, without axes; the last bar is highlighted."""
    values = [abs(value) for value in values]
    most = max(values) or 1
    bars = []
    for place, value in enumerate(values):
        height = max(value / most * _SPARKLINE_HEIGHT, 1.0 if value else 0.0)
        kind = "spark last" if place == len(values) - 1 else "spark"
        x = place * (_SPARKLINE_BAR + _SPARKLINE_GAP)
        bars.append(_Rectangle(x, _SPARKLINE_HEIGHT - height, _SPARKLINE_BAR, height, kind))
    width = len(values) * (_SPARKLINE_BAR + _SPARKLINE_GAP) - _SPARKLINE_GAP
    return render(__package__, "sparkline.svg.j2", label=label, bars=bars, width=width, height=_SPARKLINE_HEIGHT)


def compact(value: float) -> str:
    """A number for an axis: ``950``, ``12 k``, ``1.5 M``."""
    for size, unit in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


def _step(span: int) -> int:
    """The distance between three to six ticks: 1, 2 or 5 times a power of ten."""
    rough = max(span / 5, 1)
    power = 10 ** math.floor(math.log10(rough))
    return int(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough))


def _slot(runs: int) -> float:
    """The width of a run in pixels; fewer than six runs do not fill the plot."""
    return (_WIDTH - _LEFT - _RIGHT) / max(runs, 6)


def _times(times: Sequence[datetime], slot: float) -> list[_Label]:
    """The labels of the time axis: as many as fit, always with the last one."""
    form = "%Y-%m-%d"
    if len(times) > 1 and len({f"{time:{form}}" for time in times}) < len(times):
        form = "%m-%d %H:%M" if max(times) - min(times) >= timedelta(days=1) else "%H:%M:%S"
    every = max(1, math.ceil(_LABEL_WIDTH / slot))
    return [
        _Label(min(max(_LEFT + slot * (place + 0.5), _LEFT + 22), _WIDTH - _RIGHT - 30), f"{time:{form}}")
        for place, time in enumerate(times)
        if (len(times) - 1 - place) % every == 0
    ]


def _svg(plot: _Plot) -> Markup:
    return render(__package__, "plot.svg.j2", plot=plot, below_y=plot.height - _BOTTOM + 16)
