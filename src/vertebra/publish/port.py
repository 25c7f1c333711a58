"""The port of publish targets: the input of a target, and its guarantees.

A target replaces the content of its destination by one version of a table, and guarantees three things:

- **Atomic for readers.** A reader of the destination sees the old content or the new content, never a mixture and never
  nothing, even when the process is killed. A destination that cannot do this is refused.
- **Idempotent.** Sending the same version twice gives the same content, so after a crash a version can be sent again.
- **Careful.** Files and tables that this publication did not make are not replaced unless the declaration has
  ``replace: true``. A target stores a :class:`~vertebra.publish.mark.Mark` with the data, and
  :func:`~vertebra.publish.mark.check_owner` compares it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from vertebra.declare.publication import Publication

if TYPE_CHECKING:
    import pyarrow as pa

    from vertebra.publish.mark import Mark

P = TypeVar("P", bound=Publication)


class PublishedTable(Protocol):
    """One committed version of a table, with the columns that are to be sent.

    Attributes:
        name: qualified name, e.g. ``exploitation.departures``.
        version: the version that is sent; later commits do not change it.
        schema: names and types of the columns, in the order they are sent.
        rows: the number of rows, from the table's log.
    """

    name: str
    version: int
    schema: pa.Schema
    rows: int

    def reader(self) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow record batches; each call reads from the beginning."""
        ...


@dataclass(frozen=True)
class Publishing:
    """The context of one sending.

    Attributes:
        root: the project's folder; relative paths of a declaration are relative to it.
        lake: the lake's folder; nothing is published into it.
        schemes: URL schemes that the project allows, e.g. ``("file", "s3")``.
        scratch: an empty folder for intermediate files; removed after the step.
        mark: identifies the publication and the table version; the target keeps it with the data.
        progress: called with messages for people.
    """

    root: Path
    lake: Path
    schemes: tuple[str, ...]
    scratch: Path
    mark: Mark
    progress: Callable[[str], None]


@dataclass(frozen=True)
class Receipt:
    """The result of one sending, as recorded in the ledger ``governance.publications``.

    Attributes:
        location: where the data is now, without credentials, e.g. ``s3://bucket/departures.parquet``.
        rows: number of rows at the target.
        bytes: size of what was written; None where the target does not know it.
        sha256: of the bytes that were written; None where there is no file.
    """

    location: str
    rows: int
    bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class PublishTarget(Generic[P]):
    """A kind of target: a member of the registry ``vertebra.publish_targets``.

    Attributes:
        name: the name after ``to:``.
        declaration: the model of a publication to such a target; its ``to`` is ``Literal[name]``.
        send: sends a table version. If it cannot, it raises :class:`~vertebra.errors.PublishError` and leaves the
            destination unchanged.
        version: raise it when a change makes the target write something else for the same table; all tables are then
            sent again.
        purge: removes what earlier contents left at the destination, such as free blocks in a file, after records were
            forgotten; it raises :class:`~vertebra.errors.PublishError` if it cannot. None: sending leaves nothing.

    Example:
        >>> from typing import Literal
        >>> from vertebra.declare.publication import Publication
        >>> from vertebra.publish.port import PublishTarget, Receipt
        >>> class Count(Publication):
        ...     to: Literal["count"]
        >>> def send(publication, table, publishing):
        ...     rows = sum(batch.num_rows for batch in table.reader())
        ...     return Receipt(location="nowhere", rows=rows)
        >>> TARGET = PublishTarget("count", Count, send)
    """

    name: str
    declaration: type[P]
    send: Callable[[P, PublishedTable, Publishing], Receipt]
    version: int = 1
    purge: Callable[[P, Publishing], None] | None = None


def publish_target(name: str) -> PublishTarget[Any]:
    """The target with a name.

    Raises:
        RegistryError: there is none, or its plug-in cannot be loaded.
    """
    from vertebra.declare.publication import PUBLISH_TARGETS

    found = PUBLISH_TARGETS.get_or_refuse(name)
    assert isinstance(found, PublishTarget)  # the registry checks it
    return found
