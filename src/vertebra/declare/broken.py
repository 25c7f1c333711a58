"""Separates sound declarations from broken ones, and from those that read a broken one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vertebra.declare.declarations import Declarations, Kind, tables_of, tables_read
from vertebra.declare.reconciliation import outputs_named
from vertebra.errors import DeclarationError, DeclarationErrors

FOLDERS: Final[Mapping[str, Kind]] = {
    "datasets": "dataset",
    "reconcile": "reconciliation",
    "views": "view",
    "analyses": "analysis",
    "publish": "publication",
}
"""The folders of a project, in the order they are read, and the kind of declaration that each has."""


@dataclass(frozen=True)
class BrokenDeclaration:
    """A declaration that cannot be used.

    Attributes:
        kind: the kind of declaration.
        name: its name, that of its file.
        errors: what is wrong with it; empty if only a declaration that it reads is broken.
        reads: the tables it reads whose declarations are broken; empty if it has errors itself.
    """

    kind: Kind
    name: str
    errors: tuple[DeclarationError, ...] = ()
    reads: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The qualified tables it would write."""
        return _outputs(self.kind, self.name)

    @property
    def why(self) -> str:
        """Why it cannot be used, in a clause."""
        if self.errors:
            return f"the declaration of the {self.kind} {self.name} is broken"
        return f"the {self.kind} {self.name} reads {' and '.join(self.reads)}, whose declaration is broken"

    def __str__(self) -> str:
        return str(DeclarationErrors(self.errors)) if self.errors else self.why


def separate(
    declared: Declarations,
    errors: Iterable[DeclarationError],
    files: Mapping[str, tuple[Kind, str]],
    further: Callable[[Declarations], Iterable[DeclarationError]],
) -> tuple[Declarations, list[BrokenDeclaration]]:
    """Take broken declarations, and all that read them, out of the declarations of a project.

    Args:
        errors: of the declarations; the file in ``where`` says which declaration each is about.
        files: the kind and name of the declaration in each file, by the file's path as errors show it.
        further: finds the errors of declarations that have no broken ones among them.

    Returns:
        The sound declarations, and the broken ones in the order of ``files``.

    Raises:
        DeclarationErrors: an error is about no declaration, as those of ``vertebra.yaml`` are.
    """
    own = _by_declaration(errors, files)
    sound, dependent = _without(declared, own)
    more = _by_declaration(further(sound), files)
    if more:
        own |= more  # a declaration with errors of its own was not asked further
        sound, dependent = _without(declared, own)
    broken = [BrokenDeclaration(*key, errors=tuple(listed)) for key, listed in own.items()]
    broken += [BrokenDeclaration(*key, reads=tables) for key, tables in dependent.items()]
    order = {key: place for place, key in enumerate(files.values())}
    return sound, sorted(broken, key=lambda one: order[one.kind, one.name])


def declaration_of(error: DeclarationError, files: Mapping[str, tuple[Kind, str]]) -> tuple[Kind, str] | None:
    """The kind and name of the declaration that an error is about; None if it is about none."""
    where = error.where
    for _ in ("column", "line", "path"):  # path:line:column; a path may have colons itself
        if where in files:
            return files[where]
        where = where.rpartition(":")[0]
    return None


def _by_declaration(
    errors: Iterable[DeclarationError], files: Mapping[str, tuple[Kind, str]]
) -> dict[tuple[Kind, str], list[DeclarationError]]:
    found: dict[tuple[Kind, str], list[DeclarationError]] = {}
    for error in errors:
        key = declaration_of(error, files)
        if key is None:
            raise DeclarationErrors([error])
        found.setdefault(key, []).append(error)
    return found


def _without(
    declared: Declarations, own: Iterable[tuple[Kind, str]]
) -> tuple[Declarations, dict[tuple[Kind, str], tuple[str, ...]]]:
    """The declarations that neither are broken nor read a broken one, and which broken tables the others read.

    Readers depend on broken declarations and on readers found before them, so that they make no cycle.
    """
    broken = set(own)
    missing = {table for key in broken for table in _outputs(*key)}
    dependent: dict[tuple[Kind, str], tuple[str, ...]] = {}
    reads = tables_read(declared)
    while True:
        found = {
            key: tuple(table for table in tables if table in missing)
            for key, tables in reads.items()
            if key not in broken and key not in dependent and not missing.isdisjoint(tables)
        }
        if not found:
            break
        dependent |= found
        missing |= {table for kind, name in found for table in _outputs(kind, name)}
    out = broken | dependent.keys()
    return declared.only(lambda kind, name: (kind, name) not in out), dependent


def _outputs(kind: str, name: str) -> tuple[str, ...]:
    match kind:
        case "dataset":
            return (f"trusted.{name}",)
        case "reconciliation":
            return outputs_named(name)
        case "view":
            return (f"exploitation.{name}",)
        case "analysis":
            return tables_of(name)
    return ()
