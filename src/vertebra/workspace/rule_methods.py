"""Methods of a project about its datasets and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vertebra.workspace.lookup import dataset_name, dataset_names
from vertebra.workspace.opened import OpenProject

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from vertebra.declare.rule_review import RuleWarning
    from vertebra.denial import Notation
    from vertebra.governance.context import Progress
    from vertebra.trusted.detect import RulePlan
    from vertebra.trusted.discover import Proposal
    from vertebra.workspace.cell_changes import CellChanges
    from vertebra.workspace.check import ProjectCheck
    from vertebra.workspace.listing import DatasetDrift, DatasetInfo, PublicationInfo, RuleInfo
    from vertebra.workspace.quality import QualityEvidence, QualityMeasure, TableQuality


class RuleMethods(OpenProject):
    """Datasets, drift, rules: listing, checking, discovering and declaring them."""

    def datasets(self) -> list[DatasetInfo]:
        """Return the declared datasets and how much of each was received.

        Example:
            >>> [(one.dataset, one.source, one.records) for one in project.datasets()]
            [('orders', 'shop', 10)]
        """
        from vertebra.workspace.listing import list_datasets

        return list_datasets(self.project, self.lake)

    def publications(self) -> list[PublicationInfo]:
        """Return the publications: how the last attempt of each ended, and what was sent last, when and where.

        Example:
            >>> project.publications()  # the project declares none
            []
        """
        from vertebra.workspace.listing import list_publications

        return list_publications(self.project, self.ledgers)

    def drift(self, datasets: Sequence[str] = ()) -> list[DatasetDrift]:
        """Return how the columns of batches differ from the declared ones, and change from batch to batch.

        Args:
            datasets: names of datasets; all by default.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> project.drift()
            []
        """
        from vertebra.workspace.listing import list_drift

        return list_drift(self.project, self.lake, dataset_names(self.project, datasets))

    def rules(self, datasets: Sequence[str] = (), notation: Notation = "vertebra") -> list[RuleInfo]:
        """Return the rules of datasets as denial constraints.

        Args:
            datasets: names of datasets; all by default.
            notation: ``vertebra``, ``logic`` or ``holoclean``.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> {one.rule: one.denies for one in project.rules(notation="logic")}["postcode_city"]
            '¬∃ t,s ∈ orders, t≠s: t.postcode = s.postcode ∧ t.city ≠ s.city'
        """
        from vertebra.workspace.listing import list_rules

        return list_rules(self.project, dataset_names(self.project, datasets), notation)

    def quality(self, dataset: str | None = None) -> list[TableQuality]:
        """Return the quality of the trusted tables: dimensions, rules, and how they changed from run to run.

        Args:
            dataset: one dataset; all by default.

        Returns:
            One entry per table that was assessed, in the order of the project.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> [orders] = project.quality("orders")
            >>> orders.rows, [rule.rule for rule in orders.broken]
            (9, ['postcode_city', 'ordered_on_required', 'paid'])
            >>> orders.dimension("completeness").after, orders.dimension("uniqueness").after
            (0.7777777777777778, 1.0)
        """
        from vertebra.workspace.quality import table_quality

        name = dataset_name(self.project, dataset) if dataset else None
        return table_quality(self.project, self.lake, self.ledgers, name)

    def quality_measures(self, dataset: str | None = None, history: bool = False) -> list[QualityMeasure]:
        """Return every measured figure in the ``quality`` ledger.

        Args:
            dataset: one dataset; all by default.
            history: the figures of every run, not only of each table's last.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> found = project.quality_measures("orders")
            >>> [one.value for one in found if (one.subject, one.measure, one.stage) == ("orders", "rows", "after")]
            [9.0]
        """
        from vertebra.workspace.quality import quality_measures

        name = dataset_name(self.project, dataset) if dataset else None
        return quality_measures(self.lake, self.ledgers, name, history)

    def quality_evidence(self, dataset: str | None = None) -> QualityEvidence:
        """Return repairs, proposals and quarantine, counted, and examples of changes and of violations.

        Args:
            dataset: one dataset; all by default.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> found = project.quality_evidence("orders")
            >>> [(one.column_name, one.cells, one.example) for one in found.repairs]
            [('city', 1, 'Barclona → Barcelona')]
            >>> [(one.old, one.new, one.method) for one in found.changes["orders"].repaired]
            [('Barclona', 'Barcelona', 'consistent')]
        """
        from vertebra.workspace.quality import quality_evidence

        names = dataset_names(self.project, [dataset] if dataset else ())
        return quality_evidence(self.project, self.lake, self.ledgers, names)

    def cell_changes(self, dataset: str | None = None) -> dict[str, CellChanges]:
        """Return the cells that cleaning repaired or proposes to repair, by rule and method, with examples.

        Args:
            dataset: one dataset; all by default.

        Returns:
            One entry for each dataset, of its last run.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> changes = project.cell_changes("orders")["orders"]
            >>> [(one.rule, one.method, one.cells_repaired, one.cells_proposed) for one in changes.counts]
            [('postcode_city', 'consistent', 1, 0)]
        """
        from vertebra.workspace.cell_changes import cell_changes

        names = dataset_names(self.project, [dataset] if dataset else ())
        return cell_changes(self.project, self.lake, self.ledgers, names)

    def ledger_warnings(self, dataset: str | None = None) -> tuple[str, ...]:
        """Return warnings about datasets whose ledgers describe another version of the trusted table than the present.

        A run that a rule stopped, or a restored table, leaves such ledgers of repairs, quarantine and violations.

        Args:
            dataset: one dataset; all by default.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> project.ledger_warnings("orders")
            ()
        """
        from vertebra.workspace.decisions import ledger_warnings

        name = dataset_name(self.project, dataset) if dataset else None
        return ledger_warnings(self.project, self.lake, self.ledgers, name)

    def rule_warnings(self, datasets: Sequence[str] = ()) -> tuple[RuleWarning, ...]:
        """Return warnings about rules that are redundant or contradict others; no data are read.

        Args:
            datasets: names of datasets; all by default.

        Raises:
            DeclarationError: there is no such dataset.

        Example:
            >>> project.rule_warnings()
            ()
        """
        from vertebra.declare.rule_review import rule_warnings

        return rule_warnings(self.project, dataset_names(self.project, datasets))

    def rule_plans(self, datasets: Sequence[str] = ()) -> dict[str, tuple[RulePlan, ...]]:
        """Return how each rule would be checked, and what rules share, by dataset; no data are read.

        Args:
            datasets: names of datasets; all by default.

        Raises:
            DeclarationError: there is no such dataset.
            RuleError: a rule has no exact plan.

        Example:
            >>> [plan.rule for plan in project.rule_plans()["orders"]][-1]
            'recent'
        """
        from vertebra.workspace.check import plan_rules

        return plan_rules(self.project, dataset_names(self.project, datasets))

    def check(
        self, datasets: Sequence[str] = (), zone: str = "formatted", progress: Progress | None = None
    ) -> ProjectCheck:
        """Check tables against the currently declared rules; nothing is written.

        Args:
            datasets: names of datasets; all by default.
            zone: ``formatted`` (before cleaning) or ``trusted`` (after).
            progress: receives what is being done.

        Raises:
            DeclarationError: there is no such dataset.
            LakeError: a table that is needed was not written yet.

        Example:
            >>> found = project.check(["orders"])
            >>> found.assessments["orders"].value("rule", "paid", "violating_tuples")
            1.0
            >>> found.ok  # no rule is declared with on_violation: fail
            True
        """
        from vertebra.governance.context import silent
        from vertebra.workspace.check import check_tables

        names = dataset_names(self.project, datasets)
        return check_tables(self.project, self.lake, self.engine, names, zone, progress or silent)

    def discover(
        self,
        table: str,
        limit: int = 20,
        sample: int = 4_000,
        kinds: Collection[str] = (),
        declared: bool = True,
        progress: Progress | None = None,
        columns: Collection[str] = (),
    ) -> list[Proposal]:
        """Propose rules that a table satisfies, exactly or with few exceptions; nothing is written.

        Args:
            table: ``trusted.x`` or ``formatted.x``; a bare ``x`` is the trusted table, if there is one.
            limit: how many rules at most.
            sample: how many rows are searched for candidates; every figure is of the whole table.
            kinds: the kinds of rules to look for, e.g. ``["fd", "key"]``; all by default.
            declared: also list rules that are already declared, marked as such.
            progress: receives what is being done.
            columns: propose only rules about these columns; all by default.

        Raises:
            ProposalError: there is no such column, or more than 100.
            DeclarationError: there is no such dataset.
            LakeError: the table was not written yet.

        Example:
            >>> [(one.name, one.sentence) for one in project.discover("orders", kinds=["required"])]
            [('always_there', 'postcode and city always have a value: true of all 9 rows.')]
        """
        from vertebra.governance.context import silent
        from vertebra.workspace.discover import discover

        told = progress or silent
        return discover(self.project, self.lake, self.engine, table, limit, sample, kinds, declared, told, columns)

    def dataset_table(self, table: str) -> str:
        """Return the qualified name of a dataset's table.

        Args:
            table: ``trusted.x`` or ``formatted.x``; a bare ``x`` is the trusted table, or the formatted one before
                there is a trusted one.

        Raises:
            DeclarationError: there is no such dataset.
            LakeError: the table was not written yet.

        Example:
            >>> project.dataset_table("orders")
            'trusted.orders'
        """
        from vertebra.workspace.discover import table_of_dataset

        return table_of_dataset(self.project, self.lake, table)

    def accept(
        self, table: str, proposals: Mapping[str, Proposal] | Collection[Proposal], *, repair: bool = False
    ) -> Path:
        """Declare proposals: write them into the dataset's file as rules that report, or repair.

        Args:
            table: the table they were found in.
            proposals: the result of :meth:`discover`, or some of it; a mapping gives the rules other names.
            repair: declare them with ``on_violation: repair`` and the method that repairs them.

        Returns:
            The file: with an overlay that has a file for the dataset, the overlay's.

        Raises:
            DeclarationError: a name is taken, a rule is declared already or cannot repair, or the project would not
                load; the file stays as it was.

        Example:
            >>> [proposal] = project.discover("orders", kinds=["required"], declared=False)
            >>> file = project.accept("orders", {"complete": proposal})
            >>> file.relative_to(folder).as_posix()
            'datasets/orders.yaml'
            >>> [rule.rule for rule in project.rules() if rule.rule.startswith("complete")]
            ['complete_postcode', 'complete_city']
        """
        from vertebra.workspace.discover import accept, choose

        if isinstance(proposals, Mapping):
            chosen = dict(proposals)
        else:
            found = tuple(proposals)
            chosen = choose(found, [one.number for one in found])
        file, self.project = accept(self.project, table, chosen, self._load, repair=repair)
        return file
