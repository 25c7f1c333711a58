"""Methods of a project about its models, and about the installation itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.workspace.opened import OpenProject

if TYPE_CHECKING:
    from vertebra.governance.context import StepOutcome
    from vertebra.pipeline.progress import Console
    from vertebra.workspace.diagnostics import Diagnostic
    from vertebra.workspace.models import ModelScore


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

    def diagnostics(self) -> list[Diagnostic]:
        """Check that the packages, the project, the lake and the engine are in order.

        Example:
            >>> [one.what for one in project.diagnostics() if not one.ok]
            []
        """
        from vertebra.workspace.diagnostics import diagnostics

        return diagnostics(self.project, self.lake, lambda: self.engine)
