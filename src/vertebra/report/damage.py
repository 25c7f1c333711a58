"""Damage of a lake, and what was done about it, as rows and in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.formatting import counted, size

if TYPE_CHECKING:
    from vertebra.lake.verify import Damage, Verification
    from vertebra.workspace.repair import RepairReport

DAMAGE: Final = ("subject", "kind", "file", "damage")
REPAIRS: Final = (*DAMAGE, "repaired", "action")


def damage_rows(found: Verification, root: Path) -> list[dict[str, Any]]:
    """One row per damaged file.

    Args:
        root: the lake's folder, to which paths are relative.
    """
    return [_row(one, root) for one in found.damage]


def repair_rows(report: RepairReport, root: Path) -> list[dict[str, Any]]:
    """One row per damaged file, with what was done."""
    return [
        _row(one.damage, root) | {"repaired": "yes" if one.repaired else "NO", "action": one.action}
        for one in report.repairs
    ]


def summary(found: Verification) -> str:
    """What a verification found, and the next command."""
    text = f"checked {counted(found.files, 'file')}, {size(found.bytes)}: "
    text += f"{counted(len(found.damage), 'file')} damaged" if found.damage else "none is damaged"
    if found.unhashed:
        text += f"\n{counted(found.unhashed, 'file')} of an earlier release without a hash: only read to the end"
    return text + ("\nnext:  vertebra debug --repair" if found.damage else "")


def repair_summary(report: RepairReport) -> str:
    """What a repair did, and the next command."""
    if not report.repairs:
        return f"checked {counted(report.found.files, 'file')}: nothing to repair"
    done = sum(one.repaired for one in report.repairs)
    text = f"repaired {done} of {counted(len(report.repairs), 'damaged file')}"
    if report.aside.is_dir():
        text += f"; what was damaged is in {report.aside}"
    return f"{text}\nnext:  vertebra run"


def _row(damage: Damage, root: Path) -> dict[str, Any]:
    file = damage.file.relative_to(root) if damage.file.is_relative_to(root) else damage.file
    return {"subject": damage.subject, "kind": damage.kind, "file": str(file), "damage": damage.fact}
