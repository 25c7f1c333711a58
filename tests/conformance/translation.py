"""How Vertebra sends the corpus's SQL to the embedded engine."""

from __future__ import annotations

import pyarrow as pa

from conformance.corpus import Entry


class RefusedError(Exception):
    """Vertebra refuses the SQL."""


def translate(entry: Entry, tables: dict[str, pa.Table]) -> str:
    """The SQL that is sent for an entry.

    Raises:
        RefusedError: nothing is sent.
    """
    return entry.text
