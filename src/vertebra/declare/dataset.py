"""A dataset: its whole life from the source to the trusted zone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
OnViolation = Literal["report", "repair", "quarantine", "fail"]


class Declared(BaseModel):
    """A declaration: unknown keys are errors, and values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Collect(Declared):
    """Where a dataset's batches come from."""

    kind: Literal["package", "files"] = Field(alias="from")
    path: str
    every: str | None = None
    member: str = "*"


class Parse(Declared):
    """How a payload becomes records."""

    format: Literal["csv", "json", "jsonl", "parquet", "avro"]
    null: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    records: str | None = None


class Column(Declared):
    """One column of the canonical table.

    ``source`` is the column's name in the payload, when it differs. ``unit`` documents the unit; ``convert: {from: mph, to: km/h}``
    changes it. ``format`` is a Spark date/time pattern; ``zone`` the time zone the text is in.
    """

    type: str = "string"
    source: str | tuple[str, ...] | None = None
    description: str = ""
    unit: str | None = None
    convert: dict[Literal["from", "to"], str] | None = None
    format: str | None = None
    zone: str | None = None
    null: tuple[str, ...] = ()
    required: bool = False
    unique: bool = False
    range: tuple[Any, Any] | None = None
    values: tuple[Any, ...] | None = None
    matches: str | None = None
    references: str | None = None
    on_violation: OnViolation = "report"

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value


class Between(Declared):
    """A denial constraint between relations: ``{over: "flights t, planes p", where: "…"}``."""

    over: str
    where: str


class Rule(Declared):
    """One data quality rule: exactly one of ``deny`` and its sugar."""

    deny: str | Between | None = None
    required: str | tuple[str, ...] | None = None
    unique: str | tuple[str, ...] | None = None
    range: dict[str, tuple[Any, Any]] | None = None
    values: dict[str, tuple[Any, ...]] | None = None
    matches: dict[str, str] | None = None
    references: dict[str, str] | None = None
    determines: str | None = None
    description: str = ""
    on_violation: OnViolation = "report"
    confidence: float = Field(default=0.5, ge=0, le=1)
    set: dict[str, str | None] | None = None


class Drift(Declared):
    """What to do when a batch's columns differ from the declared ones."""

    extra: Literal["ignore", "fail"] = "ignore"
    missing: Literal["null", "fail"] = "fail"


class Dataset(Declared):
    """One file in ``datasets/``; ``name`` is the file's name."""

    name: Name
    source: Name
    description: str = ""
    collect: Collect
    parse: Parse
    load: Literal["append", "snapshot", "upsert"] = "append"
    drift: Drift = Drift()
    columns: dict[Name, Column]
    key: tuple[str, ...] = ()
    rules: dict[Name, Rule] = {}
    tags: tuple[str, ...] = ()
