"""Methods of a project about its models, and about the installation itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.workspace.opened import OpenProject

if TYPE_CHECKING:
    from vertebra.governance.context import StepOutcome
    from vertebra.governance.promotions import Champions, Promotion
    from vertebra.pipeline.progress import Console
    from vertebra.workspace.champions import ModelComparison
    from vertebra.workspace.diagnostics import Diagnostic
    from vertebra.workspace.models import ModelScore
    from vertebra.workspace.monitoring import MonitoredFigure


class ModelMethods(OpenProject):
    """Models, predictions and diagnostics."""

    def models(self, analysis: str | None = None, history: bool = False) -> list[ModelScore]:
        """Return the scores of the models that were tried, and which model each analysis chose.

        Args:
            analysis: one analysis; all by default.
            history: the scores of every run, not only of each analysis's last.

        Example:
            >>> project.models()  # the project declares no analysis
            []
        """
        from vertebra.workspace.models import model_scores

        return model_scores(self.lake, analysis, history)

    def predict(
        self,
        analysis: str,
        table: str | None = None,
        version: str | None = None,
        wait: float = 0,
        console: Console | None = None,
    ) -> StepOutcome:
        """Score a table with a model of an analysis, and write ``analysis.<name>_predictions``.

        Args:
            analysis: the name of a declared analysis.
            table: the table to score; the analysis's view by default.
            version: of the registered model; the champion by default.
            wait: seconds to wait for another run to end.
            console: receives progress.

        Returns:
            The rows and the version written.

        Raises:
            DeclarationError: there is no such analysis.
            LakeError: there is no such table or model.
            BusyError: another run holds the lake.

        Example:
            >>> project.predict("late_arrival")
            Traceback (most recent call last):
            ...
            vertebra.errors.DeclarationError: there is no analysis late_arrival
            ...
        """
        from vertebra.workspace.predict import predict

        return predict(self.project, self.lake, self.engine, analysis, table, version, wait, console)

    def champions(self, analysis: str) -> Champions:
        """Return the versions that were the champion of an analysis, and who decided so.

        Args:
            analysis: the name of an analysis.

        Example:
            >>> project.champions("late_arrival").version is None  # no model was trained
            True
        """
        from vertebra.governance.promotions import champions

        return champions(self.ledgers, analysis.removeprefix("analysis."))

    def promote_model(self, analysis: str, version: str, reason: str, by: str | None = None) -> Promotion:
        """Make a version the champion; it stays so, whatever runs train, until a person decides again.

        Args:
            analysis: the name of a declared analysis.
            version: of the registered model.
            reason: why; it is recorded.
            by: who decides; the user by default.

        Raises:
            DecisionError: no reason is given, or a person promoted the version already.
            LakeError: there is no such version, or it cannot predict from what is declared now.
            BusyError: a run holds the lake.

        Example:
            >>> project.promote_model("late_arrival", "2", "the labels of May are wrong")
            Traceback (most recent call last):
            ...
            vertebra.errors.DeclarationError: there is no analysis late_arrival
            ...
        """
        from vertebra.workspace.champions import decide_champion

        return decide_champion(self.project, self.lake, analysis, "promote", version, reason, by)

    def rollback_model(self, analysis: str, reason: str, by: str | None = None) -> Promotion:
        """Make the champion before the present one the champion again; it stays so until a person decides again.

        Args:
            analysis: the name of a declared analysis.
            reason: why; it is recorded.
            by: who decides; the user by default.

        Raises:
            DecisionError: no reason is given, or there was no other champion.
            LakeError: it cannot predict from what is declared now.
            BusyError: a run holds the lake.

        Example:
            >>> project.rollback_model("late_arrival", "complaints")
            Traceback (most recent call last):
            ...
            vertebra.errors.DeclarationError: there is no analysis late_arrival
            ...
        """
        from vertebra.workspace.champions import decide_champion

        return decide_champion(self.project, self.lake, analysis, "rollback", None, reason, by)

    def release_model(self, analysis: str, reason: str, by: str | None = None) -> Promotion:
        """Let runs choose the champion again, after a person promoted one.

        Args:
            analysis: the name of a declared analysis.
            reason: why; it is recorded.
            by: who decides; the user by default.

        Raises:
            DecisionError: no reason is given, or no person promoted the champion.
            BusyError: a run holds the lake.

        Example:
            >>> project.release_model("late_arrival", "the labels were corrected")
            Traceback (most recent call last):
            ...
            vertebra.errors.DeclarationError: there is no analysis late_arrival
            ...
        """
        from vertebra.workspace.champions import decide_champion

        return decide_champion(self.project, self.lake, analysis, "release", None, reason, by)

    def compare_models(self, analysis: str, first: str, second: str | None = None) -> ModelComparison:
        """Compare two versions on the present test rows that neither was trained on.

        Args:
            analysis: the name of a declared analysis.
            first: a version of the registered model.
            second: another; the champion by default.

        Raises:
            LakeError: there is no such version, or it cannot predict the test set.

        Example:
            >>> project.compare_models("late_arrival", "1", "2")
            Traceback (most recent call last):
            ...
            vertebra.errors.DeclarationError: there is no analysis late_arrival
            ...
        """
        from vertebra.workspace.champions import compare

        return compare(self.project, self.lake, self.engine, analysis, first, second)

    def model_drift(self, analysis: str, history: bool = False) -> list[MonitoredFigure]:
        """Return how far the champion's features and predictions are from training, and its scores in use.

        Args:
            analysis: the name of an analysis.
            history: the figures of every run, not only of the last.

        Example:
            >>> project.model_drift("late_arrival")  # no model was trained
            []
        """
        from vertebra.workspace.monitoring import monitored_figures

        return monitored_figures(self.ledgers, analysis.removeprefix("analysis."), history)

    def diagnostics(self) -> list[Diagnostic]:
        """Check that the packages, the project, the lake and the engine are in order.

        Example:
            >>> [one.what for one in project.diagnostics() if not one.ok]
            []
        """
        from vertebra.workspace.diagnostics import diagnostics

        return diagnostics(self.project, self.lake, lambda: self.engine)
