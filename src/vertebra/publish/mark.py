"""The mark that a target stores with the data, by which the next run recognises files and tables it may replace."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from vertebra.errors import PublishError

KEY: Final = "vertebra"
"""The name that a mark has where a format keeps texts by name."""


@dataclass(frozen=True)
class Mark:
    """Which publication made a file or a table at a target, and of which table version.

    Attributes:
        project: the project's name.
        publication: the publication's name.
        table: qualified name of the table.
        version: the version that was sent.
    """

    project: str
    publication: str
    table: str
    version: int

    def to_json(self) -> str:
        """As text, e.g. for the comment of a table."""
        return json.dumps({KEY: asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes | None) -> Mark | None:
        """The mark in a text; None if the text is not a mark."""
        try:
            return cls(**json.loads(text or "")[KEY])
        except (ValueError, TypeError, KeyError):
            return None


def check_owner(mark: Mark, found: Mark | None, location: str, replace: bool) -> None:
    """Check that a publication may replace what is at its destination.

    Args:
        mark: the mark of the publication that writes.
        found: the mark at the destination; None if there is none.
        location: where it is, for the message.
        replace: whether the publication declares that anything may be replaced.

    Raises:
        PublishError: something else made what is there.
    """
    if replace or (found and (found.project, found.publication) == (mark.project, mark.publication)):
        return
    if found is None:
        cause = "it has no mark of this publication"
    else:
        cause = f"the publication {found.publication} of the project {found.project} made it"
    raise PublishError(
        f"{location} already exists, and publication {mark.publication} did not create it",
        cause=cause,
        remedy="move it away or publish elsewhere; to replace it, declare `replace: true`, "
        f"then vertebra run --select publish.{mark.publication}",
    )
