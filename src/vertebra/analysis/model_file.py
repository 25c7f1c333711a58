"""Model files: written with skops, and read back only if the ledger of models recorded the same bytes.

A pickle runs any code it contains. skops rebuilds a model from data and a list of allowed types, so reading one is safe
if the list comes from us and not from the file, as in MLflow's own loader. The SHA-256 of a file is also compared with
the one that the ledger recorded when the model was trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.python_file import declared_modules, present_name
from vertebra.durable import sha256_of
from vertebra.errors import LakeError, StepError

if TYPE_CHECKING:
    from pathlib import Path

    from vertebra.declare.analysis import Analysis

FILE: Final = "model.skops"

_PACKAGES: Final = ("sklearn", "numpy", "scipy", "lightgbm", "vertebra")
_TYPES: Final = frozenset({"collections.OrderedDict", "collections.defaultdict"})


def trusted_types(path: Path, analysis: Analysis) -> list[str]:
    """The types that a model file uses and skops does not trust by default; all of them are allowed.

    Allowed are those of the model libraries, of the analysis's own file and the project's modules that it imports, and
    those that it trusts.

    Raises:
        StepError: it uses a type that is not allowed.
    """
    import skops.io

    allowed = _TYPES | set(analysis.trust)
    own = _own_modules(analysis)
    found = skops.io.get_untrusted_types(file=path)
    strangers = [
        name
        for name in found
        if name not in allowed
        and name.partition(".")[0] not in _PACKAGES
        and present_name(name).rpartition(".")[0] not in own
    ]
    if strangers:
        raise StepError(
            f"the model contains {', '.join(strangers)}",
            cause=f"a stored model may consist of types of {', '.join(_PACKAGES)}, of the project's own modules that "
            "the analysis imports, and of those the analysis trusts",
            remedy=f"trust=({', '.join(map(repr, strangers))},) in the analysis, if you trust that code",
        )
    return list(found)


def write_model(model: Any, path: Path, analysis: Analysis) -> list[str]:
    """Write a fitted model. Returns the types that reading it needs.

    Raises:
        StepError: it consists of types that would not be read back.
    """
    import skops.io

    with declared_modules(analysis.file):
        skops.io.dump(model, path)
    return trusted_types(path, analysis)


def read_model(path: Path, sha256: str, analysis: Analysis) -> Any:
    """Read a model that this lake recorded.

    Raises:
        LakeError: the file differs from the one that the ledger recorded, or a class that it needs is gone.
        StepError: it consists of types that are not allowed.
    """
    import skops.io

    found = sha256_of(path)
    if found != sha256:
        raise LakeError(
            f"the model file has SHA-256 {found[:12]}…, the ledger of models says {sha256[:12]}…",
            cause="it was changed after it was trained, so it is not read",
            remedy="vertebra run --full-refresh --select zone:analysis",
        )
    trusted = trusted_types(path, analysis)
    with declared_modules(analysis.file, trusted):
        try:
            return skops.io.load(path, trusted=trusted)
        except (ImportError, AttributeError) as error:
            raise LakeError(
                f"the model needs code that is not there: {error}",
                cause=f"it consists of {', '.join(name for name in trusted if name.split('.')[0] not in _PACKAGES)}",
                remedy="restore the class, or train anew: vertebra run --full-refresh --select "
                f"analysis.{analysis.name}",
            ) from error


def _own_modules(analysis: Analysis) -> set[str]:
    """The names of the project's modules whose types a model may contain: the analysis's file and what it imports."""
    if analysis.file is None:
        return set()
    root = analysis.file.parent.parent
    files = [file for file in (analysis.file, *analysis.imports) if file.is_relative_to(root)]
    return {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for file in files}
