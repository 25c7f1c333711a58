"""Serving: single predictions a second with LightGBM, and their latency, against a server in a process of its own.

    .venv/bin/python benchmarks/serve.py [seconds] [clients]

It trains a small project, starts ``vertebra serve``, and lets clients of another process ask one row at a time over
connections that stay open. Goal: 500 single predictions a second on 2 cores, 99 % of them within 20 ms.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np

import vertebra

ROWS = 20_000
FEATURES = 10


def project(folder: Path) -> None:
    """Write a project with an analysis of ten numbers, and train it."""
    random = np.random.default_rng(0)
    values = random.normal(size=(ROWS, FEATURES))
    label = values[:, 0] * 3 + np.sin(values[:, 1] * 4) + random.normal(size=ROWS)
    names = [f"x{number}" for number in range(FEATURES)]
    header = ",".join(["id", "day", *names, "y"])
    lines = [
        f"{number},2026-01-{1 + number * 28 // ROWS:02},"
        + ",".join(f"{one:.5f}" for one in [*values[number], label[number]])
        for number in range(ROWS)
    ]
    files = {
        "vertebra.yaml": "name: bench\n",
        "data.csv": "\n".join([header, *lines]) + "\n",
        "datasets/d.yaml": "source: s\ncollect: {from: files, path: data.csv}\nparse: {format: csv}\n"
        f"columns: {{id: int, day: date, {', '.join(f'{name}: double' for name in names)}, y: double}}\nkey: [id]\n",
        "views/v.sql": "select *, cast(day as timestamp) as at from trusted.d\n",
        "analyses/m.py": textwrap.dedent(f"""
            from datetime import date
            from vertebra import Analysis, Candidate

            def boosting(trees):
                from lightgbm import LGBMRegressor
                return LGBMRegressor(n_estimators=trees, n_jobs=1, verbose=-1)

            analysis = Analysis(
                description="d", task="regression", view="v", key=("id",), time="at", label="y", folds={{"by": "day", "count": 3}},
                features={{name: name for name in {names}}}, test={{"from": date(2026, 1, 22)}}, metric="rmse",
                candidates={{"boosting": Candidate(build=boosting, grid={{"trees": (200,)}}, encode="ordinal")}},
            )
        """),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with vertebra.open(folder) as opened:
        report = opened.run()
        assert report.ok, [result.error for result in report.results]


async def client(port: int, until: float, seconds: list[float]) -> None:
    """Ask again and again over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    random = np.random.default_rng(len(seconds))
    body = json.dumps({f"x{number}": float(random.normal()) for number in range(FEATURES)}).encode()
    asked = b"POST /predict/m HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(asked)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        assert length is not None
        await reader.readexactly(int(length[1]))
        seconds.append(time.perf_counter() - began)
    writer.close()


async def measure(port: int, span: float, clients: int) -> list[float]:
    """Seconds of each request."""
    warm: list[float] = []
    await client(port, time.perf_counter() + 1, warm)
    seconds: list[float] = []
    until = time.perf_counter() + span
    await asyncio.gather(*(client(port, until, seconds) for _ in range(clients)))
    return seconds


def main(span: float = 10, clients: int = 8) -> None:
    """Train, serve, ask, and print."""
    with tempfile.TemporaryDirectory() as name:
        project(Path(name))
        program = Path(sys.executable).with_name("vertebra")
        with subprocess.Popen(
            [program, "serve", "--project", name, "--port", "0"], stderr=subprocess.PIPE, text=True
        ) as server:
            assert server.stderr is not None
            port = next(int(found[1]) for line in server.stderr if (found := re.search(r"127\.0\.0\.1:(\d+)", line)))
            try:
                found = np.asarray(asyncio.run(measure(port, span, clients))) * 1000
            finally:
                server.terminate()
    load = os.getloadavg()[0]
    print(
        f"{len(found) / span:,.0f} single predictions a second by {clients} clients; "
        f"median {np.median(found):.1f} ms, 99 % within {np.percentile(found, 99):.1f} ms; load average {load:.1f}"
    )


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((float, int), sys.argv[1:], strict=False)))
