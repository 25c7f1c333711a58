"""The SHA-256 of each file of a table's log, in a file of the log's folder that other readers of Delta ignore.

A flipped bit in a log entry often leaves valid JSON: another number of rows, another size. The hashes are appended
after the entries are durable, so a crash can leave an entry without a hash, and never a hash without its entry. The
next change of the log adds hashes that are missing. Each line has a checksum of itself.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from vertebra.durable import append_lines, replace_file, sha256_of

HASHES: Final = ".sha256"
"""The name of the file. A line has a SHA-256, a file name and the CRC-32 of both; the last one about a file counts."""

_LINE: Final = re.compile(r"(([0-9a-f]{64})  (\S+))  ([0-9a-f]{8})")
_HINT: Final = "_last_checkpoint"
_ENTRY: Final = re.compile(r"\d{20}\.json")
_CHECKPOINT: Final = re.compile(r"\d{20}\.checkpoint.*\.parquet")
_WORTH_REWRITING: Final = 64
"""Lines about files that are gone, from which on the file is written anew."""


def record_hashes(log: Path, changed: Iterable[Path]) -> None:
    """Record the hashes of files that were added to a log or replaced, and of those that have none yet.

    Args:
        changed: the files that are new or have other bytes; they are durable already.
    """
    present = _present(log)
    known = read_hashes(log)
    wanted = {name for name in present if name not in known or _is_superseded(name, present, known)}
    wanted |= {file.name for file in changed} & present
    new = {name: sha256_of(log / name) for name in sorted(wanted)}
    gone = known.keys() - present
    if known and len(gone) < _WORTH_REWRITING:
        if new:
            append_lines(log / HASHES, _text(new))
    elif present:
        replace_file(log / HASHES, _text({name: one for name, one in known.items() if name in present} | new))


def read_hashes(log: Path) -> dict[str, str]:
    """The recorded hash of each file of a log, by its name; lines that are incomplete or damaged are left out."""
    return _read(log)[0]


def changed_files(log: Path) -> dict[Path, str]:
    """The files of a log that do not have the bytes that were written, and what is wrong, as a clause.

    The newest entries may be gone. Others may have been removed with the versions that nobody keeps.
    """
    present = _present(log)
    known, sound = _read(log)
    fact = "does not have the bytes that were written"
    newest = max((name for name in present if _ENTRY.fullmatch(name)), default="")
    found = {} if sound else {log / HASHES: fact}
    for name, one in sorted(known.items()):
        if name not in present:
            if newest and name > newest and _ENTRY.fullmatch(name):
                found[log / name] = "is gone"
        elif not _is_superseded(name, present, known) and sha256_of(log / name) != one:
            found[log / name] = fact
    return found


def _read(log: Path) -> tuple[dict[str, str], bool]:
    """The recorded hashes, and whether no line is damaged; a crash may leave a part of the last one."""
    file = log / HASHES
    *lines, last = file.read_text("utf-8", "replace").split("\n") if file.is_file() else [""]
    matches = [match for line in lines if (match := _LINE.fullmatch(line)) and _crc(match[1]) == match[4]]
    over = _LINE.match(last)
    sound = len(matches) == len(lines) and (over is None or over.end() == len(last))
    return {match[3]: match[2] for match in matches}, sound


def _is_superseded(name: str, present: set[str], known: Mapping[str, str]) -> bool:
    """Whether a hash is of an earlier hint at the newest checkpoint, because a crash came before the new hashes."""
    return name == _HINT and any(_CHECKPOINT.fullmatch(one) and one not in known for one in present)


def _present(log: Path) -> set[str]:
    if not log.is_dir():
        return set()
    kinds = (_ENTRY, _CHECKPOINT)
    return {
        file.name for file in log.iterdir() if file.name == _HINT or any(kind.fullmatch(file.name) for kind in kinds)
    }


def _text(hashes: Mapping[str, str]) -> str:
    lines = (f"{one}  {name}" for name, one in hashes.items())
    return "".join(f"{line}  {_crc(line)}\n" for line in lines)


def _crc(line: str) -> str:
    return f"{zlib.crc32(line.encode()):08x}"
