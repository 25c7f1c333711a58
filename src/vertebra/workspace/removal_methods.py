"""Methods of a project that take back what landed, and retire what is no longer declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.workspace.lookup import dataset_name
from vertebra.workspace.opened import OpenProject

if TYPE_CHECKING:
    from vertebra.governance.retirements import Retirement
    from vertebra.governance.retractions import Retraction
    from vertebra.workspace.retire import UndeclaredDataset


class RemovalMethods(OpenProject):
    """Retracting batches and retiring datasets."""

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
            dataset: its name.
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
        from vertebra.workspace.retire import decide

        return decide(self.project, self.lake, dataset.rpartition(".")[2], reason, by, "retire")

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
        from vertebra.workspace.retire import decide

        return decide(self.project, self.lake, dataset.rpartition(".")[2], reason, by, "restore")
