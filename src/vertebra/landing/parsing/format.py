"""The port to formats: the interface that each payload format implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Literal, cast

from vertebra.declare.parse import FORMATS, ParseOptions
from vertebra.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart


class Format(ABC):
    """One format of payloads. A subclass is one file, with an instance of it in ``FORMAT``.

    Attributes:
        name: the name in ``parse: {format: …}``; that of its module, or of the entry point of another distribution.
        version: raise it when a change gives other records for the same payload and options: batches are then parsed
            again.
        declaration: the model of ``parse:``, with the options of the format.
        endings: how the names of files in this format end.
        content: the kind of bytes in a valid payload. A web answer that is an HTML page, or an error message in another
            form, is refused.
        signature: the bytes that every payload begins with, for a binary format that has any.
        empty_file_is_valid: whether a file without any bytes is a payload without records.
        example: a dataset, in YAML, for the documentation.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    declaration: ClassVar[type[ParseOptions]] = ParseOptions
    endings: ClassVar[tuple[str, ...]] = ()
    content: ClassVar[Literal["text", "json", "xml", "binary"]] = "text"
    signature: ClassVar[bytes] = b""
    empty_file_is_valid: ClassVar[bool] = False
    example: ClassVar[str]

    @abstractmethod
    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read the parts of a payload as one sequence of records, every cell as text.

        Args:
            parts: the payload, unpacked; the members of an archive are several parts with the same columns.
            context: the options, and a folder for intermediate files.

        Raises:
            CollectError: a part is not in this format, is damaged, or has other columns than the first.
        """

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:  # noqa: ARG002
        """Copy a part without some of its records, which ``vertebra forget`` removes.

        The result is parsed again and compared with the other records, so a method that cuts too much or too little
        does no harm. Formats that do not override it cannot be rewritten.

        Args:
            part: the part, unpacked.
            dropped: ordinals of the records to leave out, counted from 0 in this part, rising.
            sink: receives the bytes.
            context: as for :meth:`read`.

        Raises:
            CollectError: records cannot be cut out of this part.
        """
        raise CollectError(
            f"records cannot be cut out of {part.name}",
            cause=f"Vertebra reads {self.name}, and has no method that writes it",
            remedy="take the whole batch back",
        )


def format_named(name: str) -> Format:
    """The format with a declared name."""
    return cast("Format", FORMATS[name])
