"""``parse:`` of a dataset: the format of its payloads, and how they become records.

The formats are in :mod:`vertebra.landing.formats`, one module each, with the model of their options. They are found by
name when a project is loaded, as collectors are.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Protocol

from vertebra.declare.declaration import Declaration, Flag
from vertebra.declare.registered import Registered
from vertebra.registry import Registry


class ParseOptions(Declaration):
    """How a payload becomes records. Each format declares a subclass with its own options.

    Attributes:
        format: the name of the format, e.g. ``csv``.
        null: texts that mean NULL; the landing zone keeps them as they are.
        trim: whether columns of type ``string`` lose the blanks around their texts; ``trim`` of a column comes first.
        later: options that a release added to the format: receipts have them only if they are declared, so that batches
            of earlier releases are not parsed again.
        blank_is_null: whether a cell of blanks is NULL in columns that are not strings, because the format has no other
            way to leave out a value.
    """

    format: str
    null: tuple[str, ...] = ()
    trim: Flag = False
    later: ClassVar[tuple[str, ...]] = ()
    blank_is_null: ClassVar[bool] = False


class TextOptions(ParseOptions):
    """The options of a format that is text.

    Attributes:
        encoding: the encoding of the text, e.g. ``windows-1252``; detected from its bytes unless declared. If it is a
            list, e.g. ``[utf-8, windows-1252]``, each line is in the first encoding that decodes it.
    """

    encoding: str | tuple[str, ...] | None = None


class DeclaredFormat(Protocol):
    """The part of a format that declarations need."""

    @property
    def name(self) -> str:
        """The name in ``format:``."""
        ...

    @property
    def declaration(self) -> type[ParseOptions]:
        """The model of ``parse:``."""
        ...


FORMATS: Final[Registry[DeclaredFormat]] = Registry(
    "format",
    package="vertebra.landing.formats",
    variable="FORMAT",
    member="vertebra.landing.parsing.format:Format",
    group="vertebra.formats",
)
"""The formats by name; other distributions add theirs with the entry point group ``vertebra.formats``."""

Parse = Annotated[ParseOptions, Registered("format", FORMATS, ParseOptions)]
"""The declaration of how payloads are parsed; its keys are those of the format that ``format:`` names."""
