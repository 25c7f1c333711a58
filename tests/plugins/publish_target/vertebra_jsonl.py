"""A publish target of another distribution: JSON lines, one file per publication, for the tests of the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from vertebra.declare.publication import Publication
from vertebra.publish.mark import Mark, check_owner
from vertebra.publish.port import PublishedTable, Publishing, PublishTarget, Receipt


class JsonlPublication(Publication):
    """A table as a file of JSON lines; its first line is the mark.

    Attributes:
        path: the file, relative to the project.
        token: stands for what a service asks for.
    """

    to: Literal["jsonl"]
    path: Path
    token: SecretStr | None = None


def send(publication: JsonlPublication, table: PublishedTable, publishing: Publishing) -> Receipt:
    file = publishing.root / publication.path
    if file.exists():
        with file.open() as stream:
            check_owner(publishing.mark, Mark.from_json(stream.readline()), str(file), publication.replace)
    rows = 0
    staged = file.with_suffix(".part")
    with staged.open("w") as stream:
        stream.write(publishing.mark.to_json() + "\n")
        for batch in table.reader():
            stream.writelines(json.dumps(row) + "\n" for row in batch.to_pylist())
            rows += batch.num_rows
    staged.replace(file)
    return Receipt(str(file), rows, file.stat().st_size)


TARGET = PublishTarget("jsonl", JsonlPublication, send)
