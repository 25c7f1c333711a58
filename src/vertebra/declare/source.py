"""The base of every ``collect:`` declaration: when a source is collected, and properties that the loader needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, Protocol

from pydantic import Field, SecretStr, model_validator

from vertebra.declare.declaration import Declaration
from vertebra.declare.schedule import Every, Schedule, Zone


class WithColumns(Protocol):
    """What a source needs of a dataset: its declared columns, by name."""

    @property
    def columns(self) -> Mapping[str, Any]:
        """The columns."""


class Source(Declaration):
    """Where a dataset's batches come from. Each collector declares a subclass.

    Attributes:
        kind: the name of the collector, e.g. ``http``.
        every: when it is collected: ``@daily``, cron such as ``0 6 * * mon-fri``, or a time such as ``15 min``.
        zone: time zone of ``every``, e.g. ``Europe/Madrid``; UTC unless declared.
        member: files of a zip archive to read, with wildcards.
        empty: whether an answer without records, where data was before, is refused (unless ``accept``).
    """

    identified_by_url: ClassVar[bool] = False
    """Whether equal bytes from two addresses are two batches under ``load: append``, as two devices may write them."""

    payload_formats: ClassVar[tuple[str, ...] | None] = None
    """The formats that payloads can have, the usual one first; None for any."""

    kind: str = Field(alias="from")
    every: Every | None = None
    zone: Zone | None = None
    member: str = Field(default="*", min_length=1)
    empty: Literal["refuse", "accept"] = "refuse"

    @model_validator(mode="after")
    def _zone_of_a_schedule(self) -> Source:
        if self.zone is not None and self.every is None:
            raise ValueError("zone is the time zone of every, and there is none; add every: '@daily', or remove zone")
        return self

    @property
    def schedule(self) -> Schedule | None:
        """When it is collected; None if a person or another program starts collections."""
        return None if self.every is None else Schedule(self.every, self.zone or "UTC")

    @classmethod
    def parse_defaults(cls, written: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ARG003 - for subclasses
        """The default ``parse:`` of a dataset; None if datasets have to declare it.

        Args:
            written: the mapping under ``collect:``, not validated yet.
        """
        return {"format": cls.payload_formats[0]} if cls.payload_formats else None

    def allowed_formats(self) -> tuple[str, ...] | None:
        """The formats that payloads of the declared source can have; None for any."""
        return self.payload_formats

    def doubled_by_append(self) -> str | None:
        """The key, if any, that makes the source return records again, which ``load: append`` would duplicate."""
        return None

    def refusal(self, dataset: WithColumns) -> str | None:  # noqa: ARG002 - for subclasses
        """Why the columns of a dataset do not fit its source; None if they do."""
        return None

    def secrets(self) -> Iterator[str]:
        """The secret texts of the declaration, from ``SecretStr`` fields. Vertebra never records or shows them."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                yield value.get_secret_value()
