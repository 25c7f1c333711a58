"""Predicts what is asked at the same time in one call.

A pipeline of scikit-learn takes about as long for one row as for a hundred. While it predicts, further requests wait
in a queue; the next call takes them all. No request waits for others to come.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_ROWS: Final = 4096
"""The most rows of one call, so that a large batch does not delay single predictions for long."""


class Batcher:
    """A queue of requests and a thread that answers them.

    Args:
        predict: predicts rows; returns one answer for each, and the version of the model.
    """

    def __init__(self, predict: Callable[[Sequence[dict[str, Any]]], tuple[Sequence[Any], str]]) -> None:
        self._predict = predict
        self._waiting: SimpleQueue[tuple[Sequence[dict[str, Any]], Future[tuple[list[Any], str]]] | None] = (
            SimpleQueue()
        )
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="predictions", daemon=True)
        self._thread.start()

    def ask(self, rows: Sequence[dict[str, Any]]) -> Future[tuple[list[Any], str]]:
        """The answers for rows, in their order, and the version of the model; all by one version."""
        future: Future[tuple[list[Any], str]] = Future()
        with self._lock:
            if not self._closed:
                self._waiting.put((rows, future))
                return future
        self._answer([(rows, future)])  # by a request that came when another champion took over
        return future

    def close(self) -> None:
        """End the thread after the requests that wait."""
        with self._lock:
            self._closed = True
            self._waiting.put(None)

    def _work(self) -> None:
        ended = False
        while not ended:
            first = self._waiting.get()
            if first is None:
                return
            together, size = [first], len(first[0])
            while size < _MOST_ROWS and not self._waiting.empty():
                more = self._waiting.get()
                if more is None:
                    ended = True
                    break
                together.append(more)
                size += len(more[0])
            self._answer(together)

    def _answer(self, together: Sequence[tuple[Sequence[dict[str, Any]], Future[tuple[list[Any], str]]]]) -> None:
        try:
            said, version = self._predict([row for rows, _ in together for row in rows])
        except BaseException as error:  # each request reports it
            for _, future in together:
                future.set_exception(error)
            return
        start = 0
        for rows, future in together:
            future.set_result((list(said[start : start + len(rows)]), version))
            start += len(rows)
