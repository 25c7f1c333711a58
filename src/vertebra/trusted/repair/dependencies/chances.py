"""How often the cells of a table are wrong, by what its groups contradict, and how sure repairs are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import Column

    from vertebra.trusted.repair.dependencies.standing import Standing

MOST: Final = 0.2
"""Whoever declares a dependency says that most cells keep to it, however few there are to tell."""
_LEAST: Final = 1e-4
_MISSPELT: Final = 0.02
"""How often the determinant is wrong where the dependent has a value that no group supports."""
_BY_CHANCE: Final = 0.1
"""How likely an attribute of a tuple is shared by the tuples of a wrong group."""
_DIGITS: Final = 4
"""Of a confidence: more differ between engines, whose logarithms do."""


@dataclass(frozen=True)
class Chances:
    """The share of wrong cells.

    Attributes:
        dependent: of the dependents of each determinant.
        determinant: of the determinants, as a multiple of that of dependents, where the dependent has a value of
            another group; a misspelt dependent is wrong itself.
    """

    dependent: Mapping[int, float]
    determinant: float


def chances_of(standing: Standing, moves: int, rows: int) -> Chances:
    """Estimate how often cells are wrong.

    Args:
        moves: tuples that were found to belong to another group.
        rows: of the table.
    """
    exceptions = sum(one.exceptions for one in standing.figures.values())
    return Chances(
        {
            number: min(MOST, max(_LEAST, (one.contradicted + 1) / (rows + 2)))
            for number, one in standing.figures.items()
        },
        min(1.0, max(_MISSPELT, (moves + 0.5) / (exceptions + 1))),
    )


def dependent_is_wrong(of_determinant: float | None = None) -> Column:
    """The probability that a contradicted dependent is wrong and not the determinant.

    Args:
        of_determinant: how often determinants are wrong, as a multiple of ``chance``, where the dependent is ``known``;
            None where all attributes are looked at together.

    Returns:
        Over ``against, agreeing, known`` and ``chance``, how often dependents are wrong.
    """
    from pyspark.sql import functions as F

    multiple = F.lit(1.0)
    if of_determinant is not None:
        multiple = F.when(F.col("known"), F.lit(of_determinant)).otherwise(F.lit(_MISSPELT))

    wrong = F.pow(F.col("chance"), F.col("against"))
    moved = F.col("chance") * multiple * F.pow(F.lit(_BY_CHANCE), F.col("agreeing"))
    return wrong / (wrong + moved)


def determinant_is_wrong() -> Column:
    """The probability that the determinant of a suspect tuple is wrong, over ``against, agreeing, chance``."""
    from pyspark.sql import functions as F

    return F.lit(1.0) - dependent_is_wrong()


def determinant_is_wrong_not_source() -> Column:
    """The same, where the source of a tuple may be wrong instead.

    It is over ``shared``, ``number`` (of groups) and ``error``, how often the cells of the source are wrong. What is
    wrong in one attribute of a source is often wrong in all. That the attributes are those of another group may be
    chance, the more groups there are.
    """
    from pyspark.sql import functions as F

    alike = F.col("number").cast("double") * F.pow(F.lit(_BY_CHANCE), F.col("shared").cast("double"))
    source = F.coalesce(F.col("error"), F.lit(MOST)) * F.least(F.lit(1.0), alike)
    return F.lit(_MISSPELT) / (F.lit(_MISSPELT) + source)


def is_the_value(lead: Column) -> Column:
    """The probability that the first value of a group is its true one, over ``chance``.

    Args:
        lead: by how many votes it leads.
    """
    from pyspark.sql import functions as F

    odds = F.col("chance") / (F.lit(1.0) - F.col("chance"))
    return F.lit(1.0) / (F.lit(1.0) + F.pow(odds, F.least(lead.cast("double"), F.lit(12.0))))


def rounded(confidence: Column) -> Column:
    """A confidence as the ledgers have it: no vote is quite sure."""
    from pyspark.sql import functions as F

    least = 10.0**-_DIGITS
    return F.greatest(F.lit(least), F.least(F.lit(1.0 - least), F.round(confidence, _DIGITS)))
