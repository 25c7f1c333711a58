"""Importing the model libraries while the engine computes features.

Importing scikit-learn, MLflow and the libraries of the candidates takes several seconds of one core, and making a new
tracking database takes as long again. Meanwhile the engine leaves a core partly idle, so a second thread does this
work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread
from typing import Final

from vertebra.declare.analysis import Analysis

_MODULES: Final = (
    *("sklearn.compose", "sklearn.impute", "sklearn.pipeline", "sklearn.preprocessing", "sklearn.metrics"),
    *("sklearn.dummy", "matplotlib.backends.backend_agg", "mlflow.sklearn", "skops.io"),
)


@contextmanager
def preloaded_libraries(analysis: Analysis, tracking: str) -> Iterator[None]:
    """Import the libraries that an analysis needs in a second thread; the block ends when they are imported.

    Errors are ignored here, because they occur again, with their message, when the library is used.

    Args:
        tracking: MLflow tracking URI; a SQLite file that does not exist is made.
    """
    # a daemon thread: an error or an interrupt in the block does not wait for the imports
    thread = Thread(target=_load, args=(analysis, tracking), name="loading model libraries", daemon=True)
    thread.start()
    yield
    thread.join()


def _load(analysis: Analysis, tracking: str) -> None:
    from vertebra.analysis.track import client_of
    from vertebra.analysis.train import build, candidate_models

    with suppress(Exception):
        for module in _MODULES:
            import_module(module)
        for setting in candidate_models(analysis):
            build(analysis, setting)
        client_of(tracking)
