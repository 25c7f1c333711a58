"""The model libraries, loaded while the engine computes features.

Loading scikit-learn, MLflow and what the candidates are built of takes one core several seconds, and a new tracking
database as long again. The engine leaves that core partly idle, so this is done beside it.
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
def loading(analysis: Analysis, tracking: str) -> Iterator[None]:
    """Load the libraries that an analysis needs in a second thread; on leaving, they are loaded.

    What fails here fails again, with its message, where it is needed.

    Args:
        tracking: MLflow tracking URI; where it names a SQLite file that is not there, the file is made.
    """
    # a daemon: when the work fails or is interrupted, nobody waits for libraries
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
