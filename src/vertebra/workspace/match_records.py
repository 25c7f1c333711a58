"""How records of an entity resolution are named: ``source:key``, in commands, files and errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from vertebra.errors import DecisionError

if TYPE_CHECKING:
    from collections.abc import Container

    from vertebra.declare.entity_resolution import EntityResolution
    from vertebra.exploitation.matching.entity_ids import Member


def require_record(known: Container[Member], member: Member) -> None:
    """Refuse a record that the sources do not have.

    Raises:
        DecisionError: it is not among the known ones.
    """
    if member not in known:
        raise DecisionError(
            f"there is no record {member[1]} in {member[0]}",
            cause="records are named by their source and key",
            remedy="write source:key, such as crm:42",
        )


def written(member: Member) -> str:
    """A record as ``source:key``."""
    return f"{member[0]}:{member[1]}"


def record_named(declared: EntityResolution, text: str, default: str) -> Member:
    """The record that ``source:key`` or ``key`` names; a key of several columns is written with commas.

    Raises:
        DecisionError: the key has another number of columns.
    """
    source, colon, key = text.partition(":")
    if not colon or source not in declared.records:
        source, key = default, text
    columns = declared.records[source].identified_by
    if len(columns) == 1 or key.startswith("["):
        return source, key
    parts = [part.strip() for part in key.split(",")]
    if len(parts) != len(columns):
        raise DecisionError(f"{text} is no record of {source}", cause=f"its key has the columns {', '.join(columns)}")
    return source, json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
