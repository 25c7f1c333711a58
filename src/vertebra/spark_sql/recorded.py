"""The recorded data about functions of Spark SQL: ``support.json``, which ``make conformance`` writes."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from vertebra.spark_sql.types import SqlType, parse_type


@cache
def recorded_functions() -> dict[str, dict[str, Any]]:
    """For each function or operator, the families of argument types by outcome."""
    found: dict[str, dict[str, Any]] = json.loads(
        files("vertebra.spark_sql").joinpath("support.json").read_text("utf-8")
    )["functions"]
    return found


def recorded_result(name: str) -> SqlType | None:
    """The type that a function gives, if it always is the same."""
    known = recorded_functions()
    of_clauses = (entry.get("result") for variant, entry in known.items() if variant.partition(" ")[0] == name)
    text = known.get(name, {}).get("result") or next((one for one in of_clauses if one), None)
    return parse_type(text) if text else None
