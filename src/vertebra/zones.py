"""The zones of the lake: the one place that lists them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Zone(StrEnum):
    """A zone of the lake, in the order in which data flows; it is equal to its name.

    Example:
        >>> f"{Zone.TRUSTED}.flights"
        'trusted.flights'
    """

    LANDING = "landing"
    """Batches of received bytes, unchanged, with their records as text."""

    FORMATTED = "formatted"
    """One table for each dataset, in the declared types."""

    TRUSTED = "trusted"
    """One table for each dataset, cleaned by its rules."""

    EXPLOITATION = "exploitation"
    """Views, crosswalks and golden records."""

    ANALYSIS = "analysis"
    """Training and test sets, and predictions."""

    GOVERNANCE = "governance"
    """Ledgers: runs, lineage, quality, repairs, models, decisions and others."""


TABLE_ZONES: Final = tuple(zone for zone in Zone if zone is not Zone.LANDING)
"""The zones that hold tables; landing holds files."""

STEP_ZONES: Final = tuple(zone for zone in Zone if zone is not Zone.GOVERNANCE)
"""The zones that steps write; every step also writes to governance."""

DATASET_ZONES: Final = (Zone.FORMATTED, Zone.TRUSTED)
"""The zones with one table for each dataset, which the rules of the dataset apply to."""

CLEANED_ZONES: Final = (Zone.TRUSTED, Zone.EXPLOITATION)
"""The zones whose data have passed the rules."""

READABLE_ZONES: Final = (*CLEANED_ZONES, Zone.ANALYSIS)
"""The zones whose tables views read, and which can be published."""

READABLE: Final = f"{Zone.TRUSTED}, {Zone.EXPLOITATION} and {Zone.ANALYSIS}"
"""Their names in words."""
