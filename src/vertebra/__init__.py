"""Vertebra, the backbone for data science: collect, format, clean, integrate and model data, reproducibly.

    import vertebra

    project = vertebra.open("projects/flights")
    project.run()
    project.table("trusted.flights").pandas()
    project.sql("select rule, count(*) from governance.violations group by rule").pandas()

    vertebra.check("flights.csv", ["origin, dest -> distance", "t.distance <= 0"])

Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from vertebra.declare.analysis import Analysis, AsOf, Candidate
    from vertebra.declare.view import view
    from vertebra.errors import VertebraError
    from vertebra.workspace.check_data import check
    from vertebra.workspace.workspace import open_project as open

    __version__: str

__all__ = ["Analysis", "AsOf", "Candidate", "VertebraError", "__version__", "check", "open", "view"]

_HOMES: Final = {
    "Analysis": ("vertebra.declare.analysis", "Analysis"),
    "AsOf": ("vertebra.declare.analysis", "AsOf"),
    "Candidate": ("vertebra.declare.analysis", "Candidate"),
    "VertebraError": ("vertebra.errors", "VertebraError"),
    "check": ("vertebra.workspace.check_data", "check"),
    "open": ("vertebra.workspace.workspace", "open_project"),
    "view": ("vertebra.declare.view", "view"),
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        value: Any = import_module("vertebra.version").installed_version()
    elif name in _HOMES:
        module, attribute = _HOMES[name]
        value = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
