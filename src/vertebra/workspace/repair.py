"""Verifying the files of a lake, and rebuilding damaged ones from undamaged ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vertebra.errors import VertebraError
from vertebra.governance.rebuild import BY_THE_NEXT_RUN, FROM_COMMITS, FROM_RECEIPTS, WRITERS, rebuild_from_commits
from vertebra.governance.schemas import EVENTS
from vertebra.governance.unended_runs import complete_runs
from vertebra.lake.batches import Batch, Receipt, batches
from vertebra.lake.owner import hold
from vertebra.lake.repair import DAMAGED, drop_files, mark_damaged, roll_back
from vertebra.lake.verify import Damage, Verification, verify

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.declare.project import Project
    from vertebra.governance.ledgers import Ledgers
    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class RepairedDamage:
    """A damaged file, and the action taken.

    Attributes:
        damage: the file, and what was wrong.
        action: the action taken, or what you can do if the file could not be repaired.
        repaired: whether no data is lost after the next run.
    """

    damage: Damage
    action: str
    repaired: bool


@dataclass(frozen=True)
class RepairReport:
    """The result of a repair.

    Attributes:
        found: the result of the verification before the repair.
        repairs: one entry per damaged file.
        aside: the folder that damaged files were moved to.
    """

    found: Verification
    repairs: tuple[RepairedDamage, ...]
    aside: Path

    @property
    def ok(self) -> bool:
        """Whether all damage was repaired."""
        return all(one.repaired for one in self.repairs)


def repair(project: Project, lake: Lake, ledgers: Ledgers) -> RepairReport:
    """Rebuild damaged files from undamaged ones; the next run computes damaged tables again.

    The ledgers of runs that were killed are completed.

    Raises:
        BusyError: another run holds the lake.
        LakeError: the lake belongs to another project.
    """
    with hold(lake.root, project.settings.name, "repair"):
        found = verify(lake)
        work = _Repair(project, lake, ledgers, lake.root / DAMAGED / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        work.logs([one for one in found.damage if one.kind == "log"])
        # done before ledgers are rebuilt from commits, which would record these runs a second time
        complete_runs(lake, ledgers)
        # the version that a table goes back to may be damaged too
        after = verify(lake)
        work.landing([one for one in after.damage if one.kind in ("payload", "records", "receipt")])
        work.data([one for one in after.damage if one.kind == "data"])
        work.rebuild_ledgers()
    return RepairReport(found, tuple(work.done), work.aside)


@dataclass
class _Repair:
    project: Project
    lake: Lake
    ledgers: Ledgers
    aside: Path
    done: list[RepairedDamage] = field(default_factory=list)
    damaged_ledgers: set[str] = field(default_factory=set)

    def logs(self, damage: list[Damage]) -> None:
        for name in dict.fromkeys(one.subject for one in damage):
            roll_back(self.lake.table(name), self.lake.root, self.aside, append_only=_ledger(name) in EVENTS)
            for one in damage:
                if one.subject == name:
                    self._tell(one, "the table went back to the last undamaged version")

    def data(self, damage: list[Damage]) -> None:
        for name in dict.fromkeys(one.subject for one in damage):
            mine = [one for one in damage if one.subject == name]
            files = [one.file for one in mine]
            drop_files(self.lake.table(name), files, self.lake.root, self.aside, ledger=bool(_ledger(name)))
            for one in mine:
                self._tell(one, "it was taken out of the table")

    def landing(self, damage: list[Damage]) -> None:
        from vertebra.landing.collect import reparse

        unsound = {one.file.parent for one in damage if one.kind in ("payload", "receipt")}
        for one in damage:
            dataset = self.project.datasets.get(one.subject.partition(".")[2])
            if one.kind != "records" or one.file.parent in unsound or dataset is None:
                self._lost(one)
                continue
            batch = Batch(one.file.parent, Receipt.from_json((one.file.parent / "receipt.json").read_text("utf-8")))
            try:
                reparse(batch, dataset, "", datetime.now(UTC))
            except VertebraError as error:
                self.done.append(RepairedDamage(one, f"the payload could not be parsed again: {error.fact}", False))
            else:
                self.done.append(RepairedDamage(one, "parsed again from the payload", True))

    def rebuild_ledgers(self) -> None:
        """Rebuild damaged ledgers from receipts and commits; mark tables whose steps write the other rows."""
        from vertebra.landing.batch_ledgers import complete_ledgers

        if self.damaged_ledgers & set(FROM_RECEIPTS):
            for dataset in self.project.datasets.values():
                landed = batches(self.lake.landing, dataset.source, dataset.name)
                complete_ledgers(dataset, landed, self.ledgers, "")
        if self.damaged_ledgers & set(FROM_COMMITS):
            rebuild_from_commits(self.lake, self.ledgers)
        for zone in {str(WRITERS[name]) for name in self.damaged_ledgers if name in WRITERS}:
            for table in self.lake.tables(zone):
                mark_damaged(table, "a ledger about it was damaged")

    def _tell(self, damage: Damage, what: str) -> None:
        ledger = _ledger(damage.subject)
        if not ledger:
            self.done.append(RepairedDamage(damage, f"{what}; a run computes it again", True))
            return
        self.damaged_ledgers.add(ledger)
        if ledger in FROM_RECEIPTS:
            rest = "rows are rebuilt from receipts"
        elif ledger in FROM_COMMITS:
            rest = "rows are rebuilt from the commits of tables"
        elif ledger in WRITERS:
            rest = f"a run computes {WRITERS[ledger]}.* again, which writes them"
        elif ledger in BY_THE_NEXT_RUN:
            rest = "the next run writes them"
        else:
            rest = f"rows of governance.{ledger} are lost: restore the files from a backup, or decide again"
        self.done.append(RepairedDamage(damage, f"{what}; {rest}", not rest.endswith("decide again")))

    def _lost(self, damage: Damage) -> None:
        action = {
            "payload": "no copy of what was received is left: restore it from a backup, then repair again",
            "receipt": "restore it from a backup, then repair again",
        }.get(damage.kind, "its payload or receipt is damaged too: restore that from a backup, then repair again")
        self.done.append(RepairedDamage(damage, action, False))


def _ledger(name: str) -> str:
    """The name of the ledger if the table is one; else empty."""
    zone, _, ledger = name.partition(".")
    return ledger if zone == "governance" else ""
