"""Methods of a project that take back what landed, retire what is no longer declared, and forget people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.workspace.lookup import dataset_name
from vertebra.workspace.opened import OpenProject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vertebra.governance.retirements import Retirement
    from vertebra.governance.retractions import Retraction
    from vertebra.pipeline.progress import Console
    from vertebra.workspace.forget import ErasureReport
    from vertebra.workspace.retire import UndeclaredDataset


class RemovalMethods(OpenProject):
    """Retracting batches, retiring datasets and forgetting people."""

    def retract(self, dataset: str, batch: int, reason: str, by: str | None = None) -> Retraction:
        """Take back a batch that landed. It stays in the landing zone; the next run computes the tables without it.

        Args:
            dataset: the dataset's name.
            batch: the number of the batch.
            reason: why; it is recorded in the ledger ``retractions``.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: there is no such batch, or it is retracted already.
            BusyError: another run holds the lake.

        Example:
            >>> project.retract("orders", 1, "the file of another shop").action
            'retract'
        """
        from vertebra.workspace.retract import decide

        return decide(self.project, self.lake, dataset_name(self.project, dataset), batch, reason, by, "retract")

    def restore_batch(self, dataset: str, batch: int, reason: str, by: str | None = None) -> Retraction:
        """Let a retracted batch count again, from the next run on.

        Args:
            dataset: the dataset's name.
            batch: the number of the batch.
            reason: why.
            by: who decides; the user of the process by default.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: the batch is not retracted.
            BusyError: another run holds the lake.

        Example:
            >>> retraction = project.retract("orders", 1, "the file of another shop")
            >>> project.restore_batch("orders", 1, "it was the right one").action
            'restore'
        """
        from vertebra.workspace.retract import decide

        return decide(self.project, self.lake, dataset_name(self.project, dataset), batch, reason, by, "restore")

    def forget(
        self,
        dataset: str,
        key: str | Sequence[str] | Mapping[str, object],
        reason: str = "",
        by: str | None = None,
        dry_run: bool = False,
        wait: float = 0,
        console: Console | None = None,
    ) -> ErasureReport:
        """Erase the records of a key: from the payloads that landed, and from all tables, ledgers and versions below.

        Payloads are rewritten without the records, and their receipts say that, when and why; all other records keep
        their row ids. The tables below are computed again and sent again where they are published. Then their earlier
        versions are removed: they can no longer be restored. An erasure that is interrupted is completed by the next
        run. Records of the key that a source sends again do not land.

        Args:
            dataset: the dataset's name.
            key: values of its declared key, in its order; or ``column=value``, for any columns; or a mapping.
            reason: why; it is recorded in the ledger ``forgotten``, which has the key as a keyed hash only.
            by: who decides; the user of the process by default.
            dry_run: report what would be removed, and remove nothing.
            wait: seconds to wait for another run that holds the lake.
            console: receives the progress of the steps.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: no record has the key, it does not fit the dataset's key, or a payload cannot be rewritten;
                nothing was removed.
            BusyError: another run holds the lake.

        Example:
            >>> report = project.forget("orders", "3", "a request of 2 May", dry_run=True)
            >>> report.records, [batch.number for batch in report.batches], report.done
            (1, [1], False)
        """
        from vertebra.workspace.forget import forget

        name = dataset_name(self.project, dataset)
        return forget(
            self.project, self.lake, self.engine, name, key, reason, by, dry_run=dry_run, wait=wait, console=console
        )

    def allow(
        self, dataset: str, key: str | Sequence[str] | Mapping[str, object], reason: str, by: str | None = None
    ) -> int:
        """Let records of a forgotten key land again, from the next collection on.

        What was erased does not come back: files that landed before are known, and are not collected again.

        Args:
            dataset: the dataset's name.
            key: as it was given to :meth:`forget`.
            reason: why; it is recorded in the ledger ``forgotten``.
            by: who decides; the user of the process by default.

        Returns:
            How many erasures are no longer in force.

        Raises:
            DeclarationError: there is no such dataset.
            DecisionError: the key was not forgotten, or no reason is given.
            BusyError: another run holds the lake.

        Example:
            >>> project.allow("orders", "3", "they are a customer again")
            Traceback (most recent call last):
            ...
            vertebra.errors.DecisionError: the key was not forgotten in orders, or it may land again already
            ...
        """
        from vertebra.workspace.allow import allow

        return allow(self.project, self.lake, dataset_name(self.project, dataset), key, reason, by)

    def undeclared(self) -> list[UndeclaredDataset]:
        """Return the datasets that the lake has and the project no longer declares.

        Example:
            >>> project.undeclared()
            []
        """
        from vertebra.workspace.retire import undeclared_datasets

        return undeclared_datasets(self.project, self.lake, self.ledgers)

    def undeclared_notes(self) -> list[str]:
        """Return what to say about datasets that are neither declared nor retired, one text each.

        Example:
            >>> project.undeclared_notes()
            []
        """
        from vertebra.workspace.retire import undeclared_notes

        return undeclared_notes(self.undeclared())

    def retire(self, dataset: str, reason: str, by: str | None = None) -> Retirement:
        """Retire a dataset that is no longer declared: it is not listed, and :meth:`gc` frees its files later.

        Args:
            dataset: its name, or that of a table of the exploitation or the analysis zone: ``exploitation.sales``.
            reason: why; it is recorded in the ledger ``retirements``.
            by: who decides; the user of the process by default.

        Raises:
            DecisionError: it is declared, the lake has nothing of it, or it is retired already.
            BusyError: another run holds the lake.

        Example:
            >>> project.retire("orders", "it is called sales now")
            Traceback (most recent call last):
            ...
            vertebra.errors.DecisionError: orders is declared
            ...
        """
        from vertebra.workspace.retire import decide, retired_name

        return decide(self.project, self.lake, retired_name(dataset), reason, by, "retire")

    def restore_dataset(self, dataset: str, reason: str, by: str | None = None) -> Retirement:
        """List a retired dataset again; its files are there until :meth:`gc` frees them.

        Args:
            dataset: its name.
            reason: why.
            by: who decides; the user of the process by default.

        Raises:
            DecisionError: it is not retired, or its files are freed.
            BusyError: another run holds the lake.

        Example:
            >>> project.restore_dataset("sales", "the old figures are needed")
            Traceback (most recent call last):
            ...
            vertebra.errors.DecisionError: the lake has no dataset sales that is not declared
            ...
        """
        from vertebra.workspace.retire import decide, retired_name

        return decide(self.project, self.lake, retired_name(dataset), reason, by, "restore")
