"""`make conformance`: ask both engines the whole corpus, and record what they answer.

Apache Spark's answers (`answers/`) are the truth. Sail's are compared with them, and what is not equal is recorded too
(`sail.jsonl`). From both, `report.py` writes what users and the checker of their SQL read.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from conformance.answers import Answer, Batch, ask_query, compare, is_error, lines, tolerance
from conformance.corpus import FOLDER, Entry, entries, tables
from conformance.translation import RefusedError, translate
from spark_server import SparkServer
from vertebra.engine import ConnectEngine, Engine, SailEngine
from vertebra.engine.connect import spark_schema
from vertebra.spark_sql.recorded import recorded_functions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ANSWERS: Final = FOLDER / "answers"
FUNCTIONS: Final = ANSWERS / "functions.txt"
SAIL: Final = FOLDER / "sail.jsonl"
UNCHECKED: Final = FOLDER / "unchecked.jsonl"
"""What Sail does not answer as Apache Spark does, with all rewrites and without the checker: what it has to refuse."""
_THREADS: Final = 3
_PART: Final = 48


def answers(
    session: SparkSession,
    asked: Sequence[tuple[Entry, str]],
    content: dict[str, pa.Table],
    threads: int = 1,
    expected: Mapping[str, Answer] | None = None,
) -> dict[str, Answer]:
    """What an engine answers to entries, each with the SQL to send; by the names of the entries.

    Args:
        expected: answers that show what is likely to fail; fewer queries are sent then.
    """
    ordered = sorted(asked, key=lambda one: (one[0].table, one[0].kind))
    batches = [list(batch) for _, batch in groupby(ordered, key=lambda one: (one[0].table, one[0].kind))]
    size = len(asked) if threads == 1 else _PART
    parts = [batch[start : start + size] for batch in batches for start in range(0, len(batch), size)]

    def answer(part: list[tuple[Entry, str]]) -> dict[str, Answer]:
        table = part[0][0].table
        if not table:
            return {entry.name: ask_query(session, entry, sql) for entry, sql in part}
        likely = [expected[entry.name] for entry, _ in part] if expected else None
        found = Batch(session, table, content[table]).ask(
            [entry for entry, _ in part], [sql for _, sql in part], likely
        )
        return {entry.name: one for (entry, _), one in zip(part, found, strict=True)}

    known: dict[str, Answer] = {}
    with ThreadPoolExecutor(threads) as pool:
        for done in pool.map(answer, parts):
            known |= done
    return known


def with_tables(engine: Engine, content: dict[str, pa.Table], folder: Path) -> SparkSession:
    """The session of an engine that reads the corpus's tables from Parquet files, as it reads the lake."""
    for name, table in content.items():
        file = folder / f"{name}.parquet"
        pq.write_table(table, file)
        engine.read_parquet([file], table.schema).createOrReplaceTempView(name)
    return engine.session


def recorded() -> dict[str, Answer]:
    """Apache Spark's recorded answers, by the names of their entries."""
    return {answer["entry"]: answer for file in sorted(ANSWERS.glob("*.jsonl")) for answer in _read(file)}


def recorded_outcomes(file: Path = SAIL) -> dict[str, dict[str, Any]]:
    """What is recorded about the entries that Sail does not answer as Apache Spark does, by their names."""
    return {outcome["entry"]: outcome for outcome in _read(file)}


def _read(file: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, file.read_text("utf-8").splitlines()) if file.exists() else iter(())


def record_spark(session: SparkSession, content: dict[str, pa.Table]) -> None:
    """Write Apache Spark's answers, a file for every subject and a line for every entry."""
    asked = entries()
    for name, table in content.items():
        session.createDataFrame(table, spark_schema(table.schema)).createOrReplaceTempView(name)
    known = answers(session, [(entry, entry.text) for entry in asked], content, _THREADS)
    ANSWERS.mkdir(exist_ok=True)
    write_answers(asked, known)
    functions = sorted(row[0] for row in session.sql("show system functions").collect())
    FUNCTIONS.write_text("".join(f"{name}\n" for name in functions), "utf-8")
    (ANSWERS / "version.txt").write_text(f"{session.version}\n", "utf-8")


def write_answers(asked: Sequence[Entry], known: dict[str, Answer]) -> None:
    """Write answers, a file for every subject and a line for every entry."""
    for file in ANSWERS.glob("*.jsonl"):
        file.unlink()
    for subject, of in groupby(asked, key=lambda entry: entry.subject):
        text = lines({"entry": entry.name} | known[entry.name] for entry in of)
        (ANSWERS / f"{subject}.jsonl").write_text(text, "utf-8")


def outcomes(
    session: SparkSession,
    content: dict[str, pa.Table],
    subject: str | None = None,
    *,
    thorough: bool = False,
    verified: bool = True,
) -> dict[str, dict[str, Any]]:
    """What Sail does not answer as Apache Spark did, by the names of the entries.

    An outcome is one of :func:`conformance.answers.compare`, `refused` when Vertebra refuses the SQL and Apache Spark
    answers it, or `rewritten` when it sends other SQL, which gives the same answer.

    Args:
        subject: the subject to ask about; all by default.
        thorough: compute each row alone that fails. Otherwise, when the first row that is known to fail still does, so do
            the others.
    """
    truth, known = recorded(), recorded_outcomes()
    asked, found = [], {}
    for entry in entries():
        if subject not in (None, entry.subject):
            continue
        try:
            asked.append((entry, translate(entry, content, verified=verified)))
        except RefusedError as refused:
            if "refused" not in truth[entry.name]:
                found[entry.name] = {
                    "entry": entry.name,
                    "outcome": "refused",
                    "because": str(refused),
                    "instead": refused.remedy,
                    "recorded": refused.recorded,
                }
    expected = {entry.name: _expected(truth[entry.name], known.get(entry.name)) for entry, _ in asked}
    got = answers(session, asked, content, expected=None if thorough else expected)
    for entry, sql in asked:
        outcome = _outcome(entry, truth[entry.name], got[entry.name])
        if entry.unstable and sql == entry.text:
            outcome = {"entry": entry.name, "outcome": "differs", "rows": []}
        if outcome:
            found[entry.name] = outcome
        elif sql != entry.text:
            found[entry.name] = {"entry": entry.name, "outcome": "rewritten", "sql": sql}
    return found


def _expected(spark: Answer, outcome: Mapping[str, Any] | None) -> Answer:
    """What Sail is likely to answer, as far as errors go."""
    if outcome is None or outcome["outcome"] in ("differs", "rewritten"):
        return spark
    if outcome["outcome"] == "sail_refuses":
        if not outcome["rows"]:
            return {"refused": ""}
        failing = set(outcome["rows"])
        return {"rows": [{"error": ""} if place in failing else row for place, row in enumerate(spark["rows"])]}
    kept = set(outcome.get("rows", ()))
    return {"rows": [None if place in kept else row for place, row in enumerate(spark.get("rows", ()))]}


def _outcome(entry: Entry, spark: Answer, sail: Answer) -> dict[str, Any] | None:
    outcome, places = compare(spark, sail, tolerance(entry))
    if outcome == "equal":
        return None
    found: dict[str, Any] = {"entry": entry.name, "outcome": outcome, "rows": places}
    if places:
        # the first row that shows it; which class of error Sail has depends on what is asked with it
        shown = sail["rows"][places[0]]
        return found | {"spark": spark["rows"][places[0]], "sail": {"error": ""} if is_error(shown) else shown}
    if "refused" in sail:
        return found
    if "refused" in spark:
        return found | {"spark": spark["refused"]}
    if spark["type"] != sail["type"]:
        return found | {"spark": spark["type"], "sail": sail["type"]}
    return found | {"spark": len(spark["rows"]), "sail": len(sail["rows"])}


def record_sail(session: SparkSession, content: dict[str, pa.Table]) -> None:
    """Write what Vertebra makes of the entries on Sail, and the data of the checker that follows from it.

    The entries are asked without the checker first, to learn what it has to refuse.
    """
    from conformance.report import SUPPORT, findings, support

    raw = outcomes(session, content, thorough=True, verified=False)
    UNCHECKED.write_text(lines(raw[entry.name] for entry in entries() if entry.name in raw), "utf-8")
    SUPPORT.write_text(support(findings(raw)), "utf-8")
    recorded_functions.cache_clear()
    found = outcomes(session, content, thorough=True)
    SAIL.write_text(lines(found[entry.name] for entry in entries() if entry.name in found), "utf-8")


def main() -> None:
    """Record the answers of both engines; with the argument `sail`, of Sail only."""
    from conformance.report import write

    logging.getLogger("SQLQueryContextLogger").disabled = True  # it logs every refusal, and those are asked for
    content = tables()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if sys.argv[1:] != ["sail"]:
            running = os.environ.get("VERTEBRA_SPARK")
            if running:
                record_spark(ConnectEngine(running).session, content)
            else:
                with SparkServer(folder) as started:
                    record_spark(ConnectEngine(started).session, content)
        engine = SailEngine(memory="2g")
        record_sail(with_tables(engine, content, folder), content)
        engine.stop()
    write()


if __name__ == "__main__":
    main()
