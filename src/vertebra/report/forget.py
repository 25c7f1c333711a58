"""What an erasure removes, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vertebra.formatting import counted, shortened

if TYPE_CHECKING:
    from vertebra.workspace.forget import ErasureReport

BATCHES: Final = ("batch", "payload", "removed", "left")

_NAMED: Final = 6


def batch_rows(report: ErasureReport) -> list[dict[str, Any]]:
    """The batches that are rewritten, one row each."""
    return [
        {"batch": one.number, "payload": one.payload, "removed": one.removed, "left": one.left}
        for one in report.batches
    ]


def effect_lines(report: ErasureReport) -> list[str]:
    """What the erasure changes beyond the landing zone, a line each."""
    effects = report.effects
    lines = []
    if effects.tables:
        lines.append(
            f"computed again: {shortened(effects.tables, _NAMED)}; their versions until now can no longer be restored"
        )
    sent = [step for step in effects.steps if step.startswith("publish.")]
    if sent:
        lines.append(f"sent again: {shortened(sent, _NAMED)}; copies that readers made are theirs to delete")
    if effects.dropped:
        again = f"; again with: {', '.join(effects.commands)}" if effects.commands else ""
        lines.append(f"removed, because no step computes them: {shortened(effects.dropped, _NAMED)}{again}")
    if effects.refused:
        lines.append(
            f"removed, because nobody can search it: {counted(effects.refused, 'refused payload')} of {report.dataset}"
        )
    if effects.models:
        lines.append(
            f"kept in MLflow: {shortened(effects.models, _NAMED)}, trained with tables below {report.dataset}; a new "
            "one is trained and becomes the champion, and you delete these"
        )
    return lines


def next_lines(report: ErasureReport) -> list[str]:
    """What is left to do after the erasure, a line each."""
    lines = []
    if not report.done:
        lines.append("the erasure is not complete; next:  vertebra run (each run continues it)")
    lines.append(
        f"ask the source of {report.dataset} to delete the records, too; those that it sends again do not land"
    )
    if report.effects.others:
        lines.append("the key is also in other datasets:")
        lines += [f"  next:  {command}" for command in report.effects.others]
    return lines
