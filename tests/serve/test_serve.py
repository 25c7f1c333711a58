"""Models over HTTP: answers, refused requests, features looked up by key, and a new champion without a restart."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

import vertebra
from vertebra.errors import VertebraError
from vertebra.serve.batching import Batcher
from vertebra.serve.server import serve, serving
from vertebra.workspace.workspace import Workspace

FILES = {
    "vertebra.yaml": "name: tiny\n",
    "data/waits.csv": "id,place,at,visitors,wait\n"
    + "".join(
        f"{n},{'ab'[n % 2]},2026-01-{1 + n // 8:02} {8 + n % 8:02}:00:00,{n % 7},{n % 7 + n % 3}\n" for n in range(160)
    ),
    "datasets/waits.yaml": """
source: tills
collect: {from: files, path: data/waits.csv}
parse: {format: csv}
load: snapshot
columns: {id: int, place: string, at: {type: timestamp, zone: UTC}, visitors: int, wait: double}
key: [id]
""",
    "views/queue.sql": "SELECT id, place, at, to_date(at) AS day, visitors, wait FROM trusted.waits\n",
    "analyses/waiting.py": '''
"""How long will a visitor wait?"""
from datetime import date

from vertebra import Analysis, AsOf, Candidate


def boosting(leaves):
    from lightgbm import LGBMRegressor

    return LGBMRegressor(n_estimators=10, num_leaves=leaves, min_child_samples=5, n_jobs=1, verbose=-1)


analysis = Analysis(
    description="Waiting time.", task="regression", view="queue", key=("id",), time="at", label="wait",
    unavailable=("wait",), folds={"by": "day", "count": 2}, test={"from": date(2026, 1, 15)},
    features={
        "visitors": "visitors", "place": "place",
        "busy": AsOf(history="queue", by=("place",), known_at="at", window="3 hours", aggregate="count"),
    },
    categorical=("place",),
    candidates={"boosting": Candidate(build=boosting, grid={"leaves": (4,)}, encode="ordinal")}, metric="mae",
)
''',
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A project with two versions of a model, of which the first is the champion."""
    folder = tmp_path_factory.mktemp("served")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with vertebra.open(folder) as opened:
        assert opened.run().ok
        assert opened.run("analysis.waiting", full_refresh=True).ok
        yield opened


@contextmanager
def running(project: Workspace, token: str = "", every: float = 0.05) -> Iterator[httpx.Client]:
    """A server at a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening, serving(project, token=token, every=every) as app:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def problems(answer: httpx.Response) -> list[tuple[list[Any], str]]:
    assert answer.status_code == 422
    return [(one["loc"], one["type"]) for one in answer.json()["detail"]]


def test_answers_are_the_predictions_of_the_champion_and_wrong_requests_name_the_field(project: Workspace) -> None:
    scored = {
        row["id"]: row for row in project.lake.table("analysis.waiting_predictions").arrow().to_table().to_pylist()
    }
    with running(project) as client:
        row = scored[159]
        answer = client.post("/predict/waiting", json={"id": 159}).json()
        assert answer == {
            "prediction": pytest.approx(row["_prediction"]),
            "model": "tiny.waiting",
            "model_version": "1",
        }
        # what a request gives counts more than what the lake has
        given = {"visitors": 159 % 7, "place": "b", "busy": 1}
        full = client.post("/predict/waiting", json=given).json()["prediction"]
        assert client.post("/predict/waiting", json={"id": 159, **given}).json()["prediction"] == full
        batch = client.post("/predict/waiting", json=[{"id": 158}, given, {"visitors": None, "place": None, "busy": 0}])
        said = batch.json()["predictions"]
        assert (said[0], said[1]) == (pytest.approx(scored[158]["_prediction"]), full)

        assert problems(client.post("/predict/waiting", json={"visitors": 1, "place": "a"})) == [
            (["body", "busy"], "missing")
        ]
        wrong = [given | {"visitors": "many"}, given | {"colour": 1}, given | {"visitors": True}]
        assert [place for place, _ in problems(client.post("/predict/waiting", json=wrong))] == [
            ["body", 0, "visitors"], ["body", 1, "colour"], ["body", 2, "visitors"],
        ]  # fmt: skip
        assert problems(client.post("/predict/waiting", json={"id": 999})) == [(["body", "id"], "unknown_key")]
        assert problems(client.post("/predict/waiting", content=b"{")) == [(["body"], "json_invalid")]
        assert problems(client.post("/predict/waiting", json=[])) == [(["body"], "body")]
        assert client.post("/predict/nothing", json=given).status_code == 404
        # a page in a browser that resolves another name to this machine is not answered
        assert client.get("/health", headers={"Host": "evil.example"}).status_code == 421

        schema = client.get("/openapi.json").json()["components"]["schemas"]["waiting_example"]["properties"]
        assert {*schema} == {"id", "visitors", "place", "busy"}
        assert "http" not in client.get("/docs").text.replace("http-equiv", "")
        figures = client.get("/metrics").text
        assert 'vertebra_requests_total{analysis="waiting",status="422"} 5' in figures
        assert 'vertebra_model_info{analysis="waiting",model="tiny.waiting",version="1"} 1' in figures


def test_a_new_champion_answers_without_a_restart_and_a_token_is_required(project: Workspace) -> None:
    with running(project, token="a token of many letters") as client:
        given = {"visitors": 3, "place": "b", "busy": 1}
        assert client.post("/predict/waiting", json=given).json()["model_version"] == "1"
        assert client.post("/predict/waiting", json=given, headers={"Authorization": "Bearer no"}).status_code == 401
        assert client.get("/health", headers={"Authorization": ""}).json()["status"] == "ok"
        project.promote_model("waiting", "2", "to see it", by="ann")
        ended = time.monotonic() + 60
        while client.post("/predict/waiting", json=given).json()["model_version"] != "2":
            assert time.monotonic() < ended
            time.sleep(0.05)
        project.rollback_model("waiting", "seen")
        assert project.champions("waiting").version == "1"


def test_other_hosts_need_a_token(project: Workspace) -> None:
    with pytest.raises(VertebraError, match="can be reached from other machines"):
        serve(project, host="0.0.0.0")
    with pytest.raises(VertebraError, match="the token has 3 characters"):
        serve(project, token="abc")


def test_requests_at_the_same_time_are_predicted_together_and_each_gets_its_own() -> None:
    first, calls = threading.Event(), []

    def slow(rows: Sequence[dict[str, Any]]) -> tuple[list[int], str]:
        calls.append(len(rows))
        first.wait(30)
        if any(row["x"] < 0 for row in rows):
            raise ValueError("negative")
        return [row["x"] * 2 for row in rows], "1"

    batcher = Batcher(slow)
    futures = [batcher.ask([{"x": number}]) for number in range(5)]
    batcher.close()
    first.set()
    assert [future.result(30) for future in futures] == [([number * 2], "1") for number in range(5)]
    assert len(calls) <= 5
    assert sum(calls) == 5
    # a request that comes after another champion took over is answered too
    assert batcher.ask([{"x": 7}, {"x": 8}]).result(30) == ([14, 16], "1")
    with pytest.raises(ValueError, match="negative"):
        batcher.ask([{"x": -1}]).result(30)
