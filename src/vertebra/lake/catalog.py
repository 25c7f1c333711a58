"""The lake: a folder with one sub-folder per zone and one Delta table per name."""

from __future__ import annotations

import re
from pathlib import Path

from vertebra.errors import LakeError
from vertebra.lake.table import LakeTable
from vertebra.zones import TABLE_ZONES, Zone

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,127}")


class Lake:
    """Tables by qualified name.

    Args:
        root: the lake's folder; created when the first table is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def table(self, name: str) -> LakeTable:
        """The table of a qualified name such as ``trusted.flights``; it need not exist yet.

        Raises:
            LakeError: the name is not ``zone.table`` with a known zone.
        """
        zone, _, table = name.partition(".")
        if zone not in TABLE_ZONES or not _IDENTIFIER.fullmatch(table):
            raise LakeError(
                f"{name!r} is not a table's name",
                cause=f"a name is zone.table, the zone one of {', '.join(TABLE_ZONES)}",
                remedy="vertebra ls tables",
            )
        return LakeTable(name, self.root / zone / table)

    def tables(self, zone: str | None = None) -> list[LakeTable]:
        """The tables that exist, by zone in the order data flows and then by name."""
        found: list[LakeTable] = []
        for candidate in (zone,) if zone else map(str, TABLE_ZONES):
            folder = self.root / candidate
            names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
            tables = [LakeTable(f"{candidate}.{name}", folder / name) for name in names]
            found.extend(table for table in tables if table.exists())
        return found

    def check_logs(self) -> None:
        """Check that the log of every table is complete, without reading data.

        Raises:
            LakeError: an entry or a checkpoint of a log is damaged.
        """
        for table in self.tables():
            table.check_log()

    @property
    def landing(self) -> Path:
        """The folder of the landing zone."""
        return self.root / Zone.LANDING
