"""Model files: written with skops, and read back only if the ledger of models recorded the same bytes.

A pickle runs any code it contains. skops rebuilds a model from data and a list of allowed types, so reading one is safe
if the list comes from us and not from the file, as in MLflow's own loader. The SHA-256 of a file is also compared with
the one that the ledger recorded when the model was trained.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from vertebra.durable import sha256_of
from vertebra.errors import LakeError, StepError

FILE: Final = "model.skops"

_PACKAGES: Final = ("sklearn", "numpy", "scipy", "lightgbm", "vertebra")
_TYPES: Final = frozenset({"collections.OrderedDict", "collections.defaultdict"})


def trusted_types(path: Path, also: Iterable[str]) -> list[str]:
    """The types that a model file uses and skops does not trust by default; all of them are allowed.

    Raises:
        StepError: it uses a type that is not allowed.
    """
    import skops.io

    allowed = _TYPES | set(also)
    found = skops.io.get_untrusted_types(file=path)
    strangers = [name for name in found if name not in allowed and name.partition(".")[0] not in _PACKAGES]
    if strangers:
        raise StepError(
            f"the model contains {', '.join(strangers)}",
            cause=f"a stored model may consist of types of {', '.join(_PACKAGES)} and of those the analysis trusts",
            remedy=f"trust=({', '.join(map(repr, strangers))},) in the analysis, if you trust that code",
        )
    return list(found)


def write_model(model: Any, path: Path, also: Iterable[str]) -> list[str]:
    """Write a fitted model. Returns the types that reading it needs.

    Raises:
        StepError: it consists of types that would not be read back.
    """
    import skops.io

    skops.io.dump(model, path)
    return trusted_types(path, also)


def read_model(path: Path, sha256: str, also: Iterable[str]) -> Any:
    """Read a model that this lake recorded.

    Raises:
        LakeError: the file differs from the one that the ledger recorded.
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
    return skops.io.load(path, trusted=trusted_types(path, also))
