"""Figures of the server in Prometheus's text format."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from vertebra.serve.champion_watch import ChampionWatch

_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class ServiceMetrics:
    """Counts requests, predicted rows and seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._rows: Counter[str] = Counter()
        self._within: Counter[tuple[str, float]] = Counter()
        self._seconds: Counter[str] = Counter()

    def asked(self, analysis: str, status: int, rows: int, seconds: float) -> None:
        """Count a request.

        Args:
            analysis: empty if there is none of the name that was asked for.
            rows: rows that were predicted.
        """
        with self._lock:
            self._requests[analysis, status] += 1
            self._rows[analysis] += rows
            self._seconds[analysis] += seconds  # type: ignore[assignment]
            for bound in _BOUNDS:
                if seconds <= bound:
                    self._within[analysis, bound] += 1

    def text(self, watch: ChampionWatch) -> str:
        """All figures."""
        with self._lock:
            lines = ["# TYPE vertebra_requests_total counter"]
            lines += [
                f'vertebra_requests_total{{analysis="{name}",status="{status}"}} {count}'
                for (name, status), count in sorted(self._requests.items())
            ]
            lines.append("# TYPE vertebra_predictions_total counter")
            lines += [f'vertebra_predictions_total{{analysis="{name}"}} {rows}' for name, rows in self._rows.items()]
            lines.append("# TYPE vertebra_request_seconds histogram")
            for name in self._rows:
                total = sum(count for (one, _), count in self._requests.items() if one == name)
                lines += [
                    f'vertebra_request_seconds_bucket{{analysis="{name}",le="{bound}"}} {self._within[name, bound]}'
                    for bound in _BOUNDS
                ]
                lines.append(f'vertebra_request_seconds_bucket{{analysis="{name}",le="+Inf"}} {total}')
                lines.append(f'vertebra_request_seconds_sum{{analysis="{name}"}} {self._seconds[name]:.6f}')
                lines.append(f'vertebra_request_seconds_count{{analysis="{name}"}} {total}')
        lines.append("# TYPE vertebra_model_info gauge")
        lines += [
            f'vertebra_model_info{{analysis="{one.analysis.name}",model="{one.name}",version="{one.version}"}} 1'
            for one in watch.models()
        ]
        return "\n".join(lines) + "\n"
