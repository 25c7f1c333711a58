"""Earlier names of what :mod:`vertebra.formatting` has."""

from vertebra.formatting import counted as many
from vertebra.formatting import duration as duration
from vertebra.formatting import figure as figure
from vertebra.formatting import percentage as share
from vertebra.formatting import size as size

__all__ = ["duration", "figure", "many", "share", "size"]
