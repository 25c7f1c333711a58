"""Repair of a functional dependency by majority.

In a group of tuples equal on X, a dependency X → A requires one value of A. Cells of A that differ from the most
frequent value of the group get that value; the confidence is its share of the group. A group with a tie has no majority
and is not repaired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vertebra.denial import DenialConstraint, classify
from vertebra.errors import RuleError
from vertebra.quoting import spark_identifier
from vertebra.trusted.repair.dependency import Dependency, dependency_of
from vertebra.trusted.repair.port import RepairMethod

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from vertebra.declare.dataset import Dataset
    from vertebra.declare.rules import NamedRule


class Majority(RepairMethod):
    """Set the cells of a group to the value that most of its tuples have."""

    name = "majority"

    def columns(self, rule: NamedRule, dataset: Dataset) -> tuple[str, ...]:
        """The dependent column."""
        return (_dependency(rule, dataset).column,)

    def propose(self, rule: NamedRule, dataset: Dataset, relation: DataFrame, violations: DataFrame) -> DataFrame:  # noqa: ARG002
        """The value of the majority for each cell that differs from it."""
        from pyspark.sql import functions as F

        from vertebra.trusted.cells import as_text
        from vertebra.trusted.repair.majority_vote import majority_vote

        found = _dependency(rule, dataset)
        tuples, verdicts = majority_vote(relation, found.determinant, spark_identifier(found.column), found.conditions)
        sure = verdicts.where(~F.col("tied") & (F.col("share") >= F.lit(rule.confidence)))
        keys = [name for name in tuples.columns if name not in ("_rid", "value")]
        # the few broken groups first: an engine without statistics builds its hash table from the left
        wrong = sure.join(tuples, keys).where(F.col("value") != F.col("winner"))
        return wrong.select(
            F.col("_rid").alias("rid"),
            F.lit(found.column).alias("column_name"),
            as_text("value").alias("old"),
            as_text("winner").alias("new"),
            F.col("share").alias("confidence"),
            F.col("support"),
        )


def _dependency(rule: NamedRule, dataset: Dataset) -> Dependency:
    constraint = rule.constraint
    if not isinstance(constraint, DenialConstraint) or classify(constraint).single:
        if rule.repair_method is not None:
            raise RuleError(
                f"rule {rule.name} of {dataset.name} cannot be repaired by majority",
                cause="it is about one tuple, or a reference, and a majority needs tuples that should be equal",
                remedy="replace `repair_method` by e.g. `set: {column: null}`, or write `on_violation: quarantine`",
            )
        raise RuleError(
            f"rule {rule.name} of {dataset.name} does not say how to repair",
            cause="a rule about one tuple, or a reference, says that a row is wrong and not what is right",
            remedy="write the rule under `rules:` with e.g. `set: {column: null}`, or `on_violation: quarantine`",
        )
    dependency = dependency_of(rule, dataset)
    if dependency is None:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} cannot be repaired by majority\n    {constraint.text}",
            cause=_reason(constraint),
            remedy="write `on_violation: report` or `quarantine`",
        )
    if rule.set:
        raise RuleError(
            f"rule {rule.name} of {dataset.name} has `set`, which is for rules about one tuple",
            cause="a functional dependency is repaired with the value that most tuples of a group hold",
            remedy="remove `set`",
        )
    return dependency


def _reason(constraint: DenialConstraint) -> str:
    shape = classify(constraint)
    if shape.dependency is not None:
        return f"{shape.dependency[1]} is computed, and a repair changes the cells of a column"
    if "≠×" in shape.name:
        return "it has several `!=`, so it does not say which of their columns is wrong; write one rule for each"
    return (
        f"it is of the class {shape.name}; a majority is defined for functional dependencies, t.x = s.x and t.a != s.a;"
        " rules about one tuple and references are repaired with `set`"
    )


METHOD: Final = Majority()
