"""Loading a project: every declaration is read and checked, and all errors are reported at once."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from vertebra.declare.analysis_file import read_analysis
from vertebra.declare.broken import FOLDERS, BrokenDeclaration, declaration_of, separate
from vertebra.declare.dataset import Dataset
from vertebra.declare.declarations import Declarations, Kind, tables_of
from vertebra.declare.document import Document, display_path, read_document
from vertebra.declare.environment import Environment, redacted
from vertebra.declare.integrity import check
from vertebra.declare.project import Project, Settings
from vertebra.declare.publication_file import read_publication
from vertebra.declare.reconciliation import Reconciliation, outputs_named
from vertebra.declare.secret import written_secrets
from vertebra.declare.settings import FILE, read_settings
from vertebra.declare.validation import validated
from vertebra.declare.view import SeriesFile
from vertebra.declare.view_file import ReadView, read_series, read_view
from vertebra.declare.view_rule_checks import view_rule_errors
from vertebra.declare.view_rules import ViewRules
from vertebra.declare.view_support import unsupported
from vertebra.errors import DeclarationError, DeclarationErrors

_DATASET: Final[TypeAdapter[Dataset]] = TypeAdapter(Dataset)
_RECONCILIATION: Final[TypeAdapter[Any]] = TypeAdapter(Reconciliation)
_SERIES: Final[TypeAdapter[SeriesFile]] = TypeAdapter(SeriesFile)
_VIEW_RULES: Final[TypeAdapter[ViewRules]] = TypeAdapter(ViewRules)
_YAML: Final = (".yaml", ".yml")


def find_project(start: Path) -> Path:
    """Find the project that contains a folder: the nearest folder upwards with a ``vertebra.yaml``.

    Raises:
        DeclarationError: there is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise DeclarationError(
        f"there is no project in {start}",
        cause=f"neither this folder nor one above it has a {FILE}" if start.exists() else "the folder does not exist",
        remedy="vertebra init my_project, then cd my_project; or name the project's folder with --project",
    )


def load_project(
    root: Path,
    profile: str | None = None,
    engine: str | None = None,
    environ: Mapping[str, str] | None = None,
    strict: bool = True,
) -> Project:
    """Read and check everything a project declares. Only the modules in ``analyses/`` are run.

    Args:
        root: the folder with ``vertebra.yaml``.
        profile: one of the profiles in ``vertebra.yaml``; None takes its ``default_profile``.
        engine: ``sail`` or ``sc://host:port``, in place of the declared engine.
        environ: environment variables that declarations may refer to; None takes the process's.
        strict: raise an error if a declaration is broken. Otherwise broken declarations, and those that read them, are
            left out of the project and listed in its ``broken``.

    Raises:
        DeclarationErrors: all errors, each with file and line, cause and remedy; if not ``strict``, only where
            ``vertebra.yaml`` is broken.
    """
    root = root.resolve()
    if not (root / FILE).is_file():
        raise DeclarationErrors([_no_project(root)])
    environment = Environment(os.environ if environ is None else environ)
    errors: list[DeclarationError] = []
    settings = read_settings(root, profile, engine, environment, errors)
    loading = _Loading(root, environment, errors, _overlay(root, settings[0] if settings else None, errors))
    declared = loading.declarations()
    errors += check(declared)
    broken: list[BrokenDeclaration] = []
    if settings is not None:
        embedded = settings[0].embedded_engine

        def refused(sound: Declarations) -> Iterable[DeclarationError]:
            return unsupported(sound.views, sound.datasets) if embedded else ()

        if strict and not errors:
            errors += refused(declared)
        elif not strict and loading.all_about_declarations():
            declared, broken = separate(declared, errors, loading.files, refused)
            errors.clear()
    if errors or settings is None:
        errors.sort(key=_position)
        raise DeclarationErrors([_redacted(error, environment.secrets) for error in errors])
    return Project(
        root=root,
        profile=settings[1],
        settings=settings[0],
        datasets=declared.datasets,
        reconciliations=declared.reconciliations,
        views={name: read.view for name, read in declared.views.items()},
        analyses=declared.analyses,
        publications=declared.publications,
        broken=tuple(_redacted_declaration(one, environment.secrets) for one in broken),
        secrets=environment.secrets,
    )


@dataclass
class _Loading:
    root: Path
    environment: Environment
    errors: list[DeclarationError]
    overlay: Path | None = None
    declared: Declarations = field(default_factory=Declarations)
    files: dict[str, tuple[Kind, str]] = field(default_factory=dict)
    """The declaration in each file, by the file's path as errors show it."""

    def declarations(self) -> Declarations:
        for file in self._files("datasets", (".yaml", ".yml")):
            self._dataset(file)
        for file in self._files("reconcile", (".yaml", ".yml")):
            self._reconciliation(file)
        for file in self._files("views", (".sql", ".py", ".yaml", ".yml")):
            self._view(file)
        for file in self._files("analyses", (".py",)):
            self._analysis(file)
        for file in self._files("publish", (".yaml", ".yml")):
            self._publication(file)
        return self.declared

    def all_about_declarations(self) -> bool:
        """Whether each error found so far is about one declaration, not about the project."""
        return all(declaration_of(error, self.files) for error in self.errors)

    def _files(self, folder: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
        """The files of declarations in a folder and its subfolders, by path; each name once.

        Files and folders whose names begin with ``_`` or ``.`` are skipped. A file of the overlay replaces the file of
        the same name.
        """
        for file in self._listed(folder, suffixes):
            self.files[display_path(file)] = (FOLDERS[folder], file.stem)
            yield file

    def _listed(self, folder: str, suffixes: tuple[str, ...]) -> Iterator[Path]:
        over = list(self._files_below(self.overlay / folder, suffixes)) if self.overlay else []
        replaced = {file.stem for file in over}
        yield from (file for file in self._files_below(self.root / folder, suffixes) if file.stem not in replaced)
        yield from over

    def _files_below(self, folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
        first: dict[str, Path] = {}
        for file in sorted(folder.rglob("*")):
            parts = file.relative_to(folder).parts
            if file.suffix not in suffixes or not file.is_file() or any(part[0] in "._" for part in parts):
                continue
            if _beside_view(file, folder):
                continue
            other = first.setdefault(file.stem, file)
            if other is not file:
                self.files[display_path(file)] = (FOLDERS[folder.name], file.stem)
                self._add_error(
                    f"{file.stem} is declared twice",
                    cause=f"the other declaration is {display_path(other)}; a declaration has the name of its file",
                    remedy="rename one of the files",
                    where=display_path(file),
                )
            else:
                yield file

    def _dataset(self, file: Path) -> None:
        document = read_document(file)
        value = self._named(document, "dataset")
        if value is not None and "collect" in value:
            self.errors += written_secrets(value["collect"], document)
            value["collect"] = self.environment.resolved(value["collect"], document, ("collect",), self.errors)
        made = self._validated(_DATASET, document, value, "dataset")
        if made is None:
            self.declared.failed.add(f"trusted.{file.stem}")
        else:
            self.declared.datasets[file.stem] = made
            self.declared.documents["dataset", file.stem] = document

    def _reconciliation(self, file: Path) -> None:
        document = read_document(file)
        made = self._validated(_RECONCILIATION, document, self._named(document, "reconciliation"), "reconciliation")
        if made is None:
            self.declared.failed.update(outputs_named(file.stem))
        else:
            self.declared.reconciliations[file.stem] = made
            self.declared.documents["reconciliation", file.stem] = document

    def _view(self, file: Path) -> None:
        if file.suffix in (".yaml", ".yml"):
            return self._series(file)
        try:
            self._check_name(file, "view")
            read = read_view(file, self.root)
            self.declared.views[file.stem] = read
            beside = next((one for end in _YAML if (one := file.with_suffix(end)).is_file()), None)
            if beside is not None:
                self._view_rules(read, beside)
        except DeclarationErrors as error:
            self.errors += error.errors
            self.declared.failed.add(f"exploitation.{file.stem}")

    def _view_rules(self, read: ReadView, file: Path) -> None:
        """The rules of a view, from the file beside it."""
        self.files[display_path(file)] = (FOLDERS["views"], file.stem)
        document = read_document(file)
        value = self._named(document, "view")
        if value is not None and "series" in value:
            self._add_error(
                f"{file.stem} is declared twice",
                cause=f"it is a series here, and a query in {display_path(read.view.file)}",
                remedy="rename one of the files",
                where=document.where(("series",), key=True),
            )
            value = None
        made = self._validated(_VIEW_RULES, document, value, "view")
        if made is None:
            self.declared.failed.add(f"exploitation.{file.stem}")
        else:
            self._check_view(read, made, document)

    def _check_view(self, read: ReadView, rules: ViewRules, document: Document) -> None:
        """Give a view its rules."""
        errors = list(view_rule_errors(rules, document))
        self.errors += errors
        if errors:
            self.declared.failed.add(f"exploitation.{rules.name}")
            return
        view = read.view.model_copy(update={"rules": rules, "rules_file": document.file})
        self.declared.views[rules.name] = replace(read, view=view)
        self.declared.documents["view", rules.name] = document

    def _series(self, file: Path) -> None:
        document = read_document(file)
        made = self._validated(_SERIES, document, self._named(document, "view"), "view")
        if made is None:
            self.declared.failed.add(f"exploitation.{file.stem}")
        else:
            self.declared.views[file.stem] = read_series(made, document)
            self.declared.documents["view", file.stem] = document
            if made.checks is not None:
                self._check_view(self.declared.views[file.stem], made.checks, document)

    def _analysis(self, file: Path) -> None:
        try:
            self._check_name(file, "analysis")
            self.declared.analyses[file.stem] = read_analysis(file, self.root)
        except DeclarationErrors as error:
            self.errors += error.errors
            self.declared.failed.update(tables_of(file.stem))

    def _publication(self, file: Path) -> None:
        document = read_document(file)
        value = self._named(document, "publication")
        made = None if value is None else read_publication(document, value, self.environment, self.errors)
        if made is not None:
            self.declared.publications[file.stem] = made
            self.declared.documents["publication", file.stem] = document

    def _named(self, document: Document, kind: str) -> dict[str, Any] | None:
        """The mapping in a file, with the name of the file as its ``name``."""
        name = document.file.stem
        if document.errors:
            self.errors += document.errors
            return None
        try:
            self._check_name(document.file, kind)
        except DeclarationErrors as error:
            self.errors += error.errors
            return None
        if not isinstance(document.value, dict):
            self._add_error(
                f"{kind} {name} is empty" if document.value is None else f"{kind} {name} is not a mapping of keys",
                remedy="vertebra debug --json-schema describes every key",
                where=document.where(),
            )
            return None
        if document.value.get("name", name) != name:
            self._add_error(
                f"{kind} {name}: its name is written as {document.value['name']!r}",
                cause="the name of a declaration is the name of its file",
                remedy="remove `name:`, or rename the file",
                where=document.where(("name",)),
            )
        return document.value | {"name": name}

    def _check_name(self, file: Path, kind: str) -> None:
        if not file.stem.isascii() or not file.stem.isidentifier() or file.stem != file.stem.lower():
            fixed = "".join(letter if letter.isalnum() else "_" for letter in file.stem.lower())
            problem = DeclarationError(
                f"{file.stem!r} cannot be the name of {'an' if kind[0] in 'aeiou' else 'a'} {kind}",
                cause="it names tables: lower-case letters, digits and _, a letter first",
                remedy=f"mv {shlex.quote(display_path(file))} {display_path(file.with_stem(fixed))}",
                where=display_path(file),
            )
            raise DeclarationErrors([problem])

    def _validated(self, adapter: TypeAdapter[Any], document: Document, value: Any, kind: str) -> Any:
        if value is None:
            return None
        return validated(adapter, document, value, f"{kind} {document.file.stem}", self.errors)

    def _add_error(self, fact: str, *, remedy: str, where: str, cause: str = "") -> None:
        self.errors.append(DeclarationError(fact, cause=cause, remedy=remedy, where=where))


def _overlay(root: Path, settings: Settings | None, errors: list[DeclarationError]) -> Path | None:
    """The folder of the profile's own declarations."""
    if settings is None or settings.overlay is None:
        return None
    folder = root / settings.overlay
    if not folder.is_dir() or folder.resolve() == root:
        errors.append(
            DeclarationError(
                f"the overlay {settings.overlay} is not a folder in the project",
                cause="its declarations replace those of the same name",
                remedy=f"mkdir -p {shlex.quote(settings.overlay)}/datasets, or remove `overlay:`",
                where=display_path(root / FILE),
            )
        )
        return None
    return folder


def _no_project(root: Path) -> DeclarationError:
    return DeclarationError(
        f"there is no project in {root}", cause=f"it has no {FILE}", remedy=f"vertebra init {display_path(root)}"
    )


def _position(error: DeclarationError) -> tuple[str, int, int]:
    """The file, line and column of an error, to sort errors by."""
    found = re.fullmatch(r"(.*?)(?::(\d+))?(?::(\d+))?", error.where)
    return (found[1], int(found[2] or 0), int(found[3] or 0)) if found else (error.where, 0, 0)


def _redacted(error: DeclarationError, secrets: Mapping[str, str]) -> DeclarationError:
    """The error without values of environment variables; they may be passwords."""
    fact, cause, remedy = (redacted(text, secrets) for text in (error.fact, error.cause, error.remedy))
    return DeclarationError(fact, cause=cause, remedy=remedy, where=error.where)


def _redacted_declaration(broken: BrokenDeclaration, secrets: Mapping[str, str]) -> BrokenDeclaration:
    return replace(broken, errors=tuple(_redacted(error, secrets) for error in broken.errors))


def _beside_view(file: Path, folder: Path) -> bool:
    """Whether a file has the rules of the view that is declared beside it."""
    return (
        folder.name == "views"
        and file.suffix in _YAML
        and any(file.with_suffix(suffix).is_file() for suffix in (".sql", ".py"))
    )
