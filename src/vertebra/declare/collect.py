"""``collect:`` of a dataset: the collector that gets its batches, and their source.

The collectors are in :mod:`vertebra.landing.collectors`, one module each, with the model of their declaration. They
are found by name when a project is loaded, so that declarations import no collector; see ``docs/adr``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Protocol

from vertebra.declare.registered import Registered
from vertebra.declare.source import Source
from vertebra.registry import Registry


class DeclaredCollector(Protocol):
    """The part of a collector that declarations need."""

    @property
    def name(self) -> str:
        """The name in ``from:``."""
        ...

    @property
    def declaration(self) -> type[Source]:
        """The model of ``collect:``."""
        ...


COLLECTORS: Final[Registry[DeclaredCollector]] = Registry(
    "collector",
    package="vertebra.landing.collectors",
    variable="COLLECTOR",
    member="vertebra.landing.port:Collector",
    group="vertebra.collectors",
)
"""The collectors by name; other distributions add theirs with the entry point group ``vertebra.collectors``."""

_BY_COLLECTOR: Final = Registered("from", COLLECTORS, Source)

Collect = Annotated[Source, _BY_COLLECTOR]
"""The declaration of a source; its keys are those of the collector that ``from:`` names."""


def parse_defaults(collect: Any) -> Mapping[str, Any] | None:
    """The default ``parse:`` of a source; None if datasets have to declare it.

    Args:
        collect: the parsed YAML of ``collect:``, or a :class:`Source`.
    """
    if isinstance(collect, Source):
        return collect.parse_defaults(collect.model_dump(exclude_none=True))
    model = _BY_COLLECTOR.model_of(collect)
    return model.parse_defaults(collect) if model is not None and issubclass(model, Source) else None
