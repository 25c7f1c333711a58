"""Which table versions garbage collection has to leave: those that models and the last good runs point to."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from vertebra.errors import VertebraError

if TYPE_CHECKING:
    from vertebra.governance.ledgers import Ledgers

_AGE: Final = re.compile(r"(\d+)\s*(hour|day|week)s?")


def pins(ledgers: Ledgers) -> dict[str, dict[int, str]]:
    """The versions to keep, by table, each with the reason."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    models = ledgers.read("models").to_pylist()
    for row in models:
        model = f"model {row['model_name'] or row['analysis']}"
        for part in ("train", "test"):
            table, version = row[f"{part}_table"], row[f"{part}_version"]
            if table and version is not None:
                found[table].setdefault(version, f"{model}, {part} set")
    last: dict[str, dict[str, object]] = {}
    for row in sorted(ledgers.read("runs").to_pylist(), key=lambda row: row["started_at"]):
        if row["state"] == "ok" and row["basis"]:
            last[row["step"]] = row
    for step, row in last.items():
        about = json.loads(str(row["basis"]))
        for table, version in [*about["outputs"].items(), *about["basis"]["inputs"].items()]:
            if not table.startswith("landing."):
                found[table].setdefault(version, f"last run of {step}")
    return dict(found)


def age(text: str) -> timedelta:
    """A span of time such as ``30 days``, ``12 hours`` or ``2 weeks``.

    Raises:
        VertebraError: the text is not of that form.
    """
    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise VertebraError(f"{text!r} is not a span of time", remedy="write it as 30 days, 12 hours or 2 weeks")
    return timedelta(**{f"{match[2]}s": int(match[1])})
