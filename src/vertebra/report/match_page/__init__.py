"""Why two records are a match, or are none, as one HTML page: a waterfall of the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.durable import make_folder, replace_file
from vertebra.templates import render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from vertebra.workspace.match_results import MatchExplanation

_WIDTH: Final = 360
_MARGIN: Final = 8
_TICKS: Final = 6
_STEPS: Final = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000)
_LEAST: Final = 0.005
_TRUST: Final = {
    "learned": "The weights were learned from the records.",
    "both": "There was little to learn from: the weights are assumed in part.",
    "assumed": "There was nothing to learn from: the weights are assumed.",
}


@dataclass(frozen=True)
class WaterfallStep:
    """One bar of the waterfall: what it adds to the log-odds, from where to where.

    Attributes:
        x, width: of the bar, in pixels.
        kind: ``for``, ``against``, or ``total``.
    """

    name: str
    left: str | None
    right: str | None
    level: str
    weight: float
    x: float
    width: float
    kind: str


def match_page(found: MatchExplanation) -> str:
    """The page.

    Args:
        found: what speaks for and against the match, as ``project.matches.why`` returns it.
    """
    steps, ticks = waterfall(found)
    left, right = (f"{source}: {key}" for source, key in (found.left, found.right))
    return str(
        render(
            __name__,
            "page.html.j2",
            style=render("vertebra.report.quality", "style.css"),
            found=found,
            left=left,
            right=right,
            trust=_TRUST[found.trust],
            steps=steps,
            ticks=ticks,
            width=_WIDTH,
        )
    )


def write_match_page(found: MatchExplanation, file: Path) -> None:
    """Write the page into a file; makes its folder."""
    make_folder(file.parent)
    replace_file(file, match_page(found))


def waterfall(found: MatchExplanation) -> tuple[list[WaterfallStep], list[tuple[float, float]]]:
    """The bars, from the log-odds of any two records to those of the pair, and the ticks of the axis.

    The strongest evidence comes first; what adds nothing is left out.

    Returns:
        The bars, and for each tick its log-odds and its place in pixels.
    """
    evidence = sorted(
        (one for one in found.evidence if abs(one.weight) >= _LEAST), key=lambda one: (-abs(one.weight), one.name)
    )
    base = found.weight - sum(one.weight for one in evidence)
    levels = [0.0, base]
    for one in evidence:
        levels.append(levels[-1] + one.weight)
    levels[-1] = found.weight
    scale = _Scale(min(levels), max(max(levels) - min(levels), 1e-9))

    def step(
        name: str, start: float, end: float, kind: str, values: tuple[str | None, str | None, str]
    ) -> WaterfallStep:
        low, high = sorted((scale.place(start), scale.place(end)))
        return WaterfallStep(name, *values, end - start, low, max(high - low, 1.0), kind)

    none = (None, None, "")
    steps = [step("any two records", 0.0, base, "for" if base > 0 else "against", none)]
    for place, one in enumerate(evidence, 1):
        kind = "for" if one.weight > 0 else "against"
        steps.append(step(one.name, levels[place], levels[place + 1], kind, (one.left, one.right, one.level)))
    steps.append(step("these two records", 0.0, found.weight, "total", none))
    return steps, [(tick, scale.place(tick)) for tick in _ticks(levels)]


@dataclass(frozen=True)
class _Scale:
    """Places log-odds on the axis."""

    low: float
    span: float

    def place(self, level: float) -> float:
        """The place of log-odds, in pixels."""
        return _MARGIN + (level - self.low) / self.span * (_WIDTH - 2 * _MARGIN)


def _ticks(levels: Sequence[float]) -> list[float]:
    low, high = min(levels), max(levels)
    step = next((step for step in _STEPS if (high - low) / step <= _TICKS), _STEPS[-1])
    first = int(-(-low // step))
    return [float(tick * step) for tick in range(first, int(high // step) + 1)]
