"""The drift policy: how to treat batches whose columns differ from the declared ones."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import field_validator, model_validator

from vertebra.declare.declaration import Declaration

DriftPolicy = Literal["evolve", "ignore", "fail"]
_IN_A_WORD: Final[dict[DriftPolicy, dict[str, str]]] = {
    "evolve": {"extra": "evolve", "missing": "null"},
    "ignore": {"extra": "ignore", "missing": "null"},
    "fail": {"extra": "fail", "missing": "fail", "retyped": "fail"},
}


class Drift(Declaration):
    """What to do when the columns of a batch differ from the declared ones; every difference is reported.

    One word sets all three: ``evolve`` (``extra: evolve, missing: null``), ``ignore`` (``extra: ignore, missing:
    null``) or ``fail`` (all three).

    Attributes:
        extra: columns that are not declared become columns of the formatted table, of type string (``evolve``), are
            left out (``ignore``), or the batch is refused (``fail``).
        missing: declared columns that are not in the batch are NULL in its rows (``null``), or the batch is refused.
        retyped: cells that are not written as the declared type are rejected one by one (``ignore``), or the batch is
            refused when they are more than a tenth of a column (``fail``).
    """

    extra: DriftPolicy = "ignore"
    missing: Literal["null", "fail"] = "fail"
    retyped: Literal["ignore", "fail"] = "ignore"

    @model_validator(mode="before")
    @classmethod
    def _in_a_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in _IN_A_WORD:
                raise ValueError(f"{value!r} is not one of {', '.join(_IN_A_WORD)}")
            return _IN_A_WORD[value]
        return value

    @field_validator("missing", mode="before", json_schema_input_type=Literal["null", "fail"] | None)
    @classmethod
    def _unquoted(cls, value: Any) -> Any:
        # YAML reads an unquoted null as no value
        return "null" if value is None else value
