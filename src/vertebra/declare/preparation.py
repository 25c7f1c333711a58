"""How features are prepared for the estimators of an analysis."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from vertebra.declare.declaration import Declaration, Flag


class Outliers(Declaration):
    """What is done with outlying values of numbers.

    The bounds are fitted on the rows that a model is fitted on: in cross-validation on the training rows of each fold.

    Attributes:
        by: ``mad``: further from the median than ``beyond`` standard deviations, estimated by the median absolute
            deviation. ``iqr``: further than ``beyond`` interquartile ranges outside the quartiles. A column without
            spread has no outliers.
        columns: features that are numbers, and ``label`` for the label of a regression.
        beyond: by default 3.5 for ``mad`` and 1.5 for ``iqr``.
        training_only: true: rows with an outlier are left out of fitting, and stay in validation, test and use. false:
            an outlying value of a feature is replaced by the bound, in training and in use alike.

    Example:
        >>> vertebra.Outliers(by="mad", columns=("size",)).limit
        3.5
    """

    by: Literal["mad", "iqr"] = "mad"
    columns: tuple[str, ...] = Field(min_length=1)
    beyond: float | None = Field(default=None, gt=0)
    training_only: Flag = True

    @model_validator(mode="after")
    def _consistent(self) -> Outliers:
        if "label" in self.columns and not self.training_only:
            raise ValueError("the label is not changed; declare training_only, or remove label from columns")
        return self

    @property
    def limit(self) -> float:
        """How far a value may be."""
        return self.beyond or (3.5 if self.by == "mad" else 1.5)
