"""What is not known at the prediction time is refused before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from analysis_world import World, jobs, late_jobs
from vertebra.analysis.features import example_frame
from vertebra.analysis.leakage import refuse_leakage, require_columns
from vertebra.declare.analysis import AsOf
from vertebra.errors import DeclarationError, LeakageError

COLUMNS = {"jobs": ["id", "place", "planned", "day", "size", "delay", "done"]}


@pytest.mark.parametrize(
    "expression",
    ["delay", "DELAY", "`delay` + 1", "jobs.delay", "coalesce(size, abs(delay))", "unix_timestamp(done)",
     "max(delay) over (partition by place)", "element_at(transform(array(size), x -> x + delay), 1)"],
)  # fmt: skip
def test_a_feature_of_an_unavailable_column_is_refused(expression: str) -> None:
    with pytest.raises(LeakageError, match="not known at the prediction time"):
        refuse_leakage(late_jobs(features={"size": "size", "leak": expression}))


def test_the_label_is_unavailable_without_being_declared_so() -> None:
    with pytest.raises(LeakageError, match=r"features\['leak'\] uses delay"):
        refuse_leakage(late_jobs(unavailable=(), features={"leak": "delay / 2"}))


@pytest.mark.parametrize(
    ("changes", "place"),
    [({"where": "delay is not null"}, "where"), ({"time": "done"}, "time"), ({"key": ("id", "done")}, r"key\[1\]")],
)
def test_neither_may_the_choice_of_rows_or_the_moment_look_ahead(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(LeakageError, match=place):
        refuse_leakage(late_jobs(**changes))


def test_a_value_is_not_known_at_a_moment_that_was_only_planned() -> None:
    feature = AsOf(history="jobs", value="delay", known_at="planned", window="1 hour", aggregate="mean")
    with pytest.raises(LeakageError, match="a moment that was planned, not one that happened"):
        refuse_leakage(late_jobs(features={"leak": feature}))


def test_unavailable_columns_of_another_history_are_named_with_it() -> None:
    feature = AsOf(history="repairs", value="cost", known_at="planned", window="1 hour", aggregate="mean")
    refuse_leakage(late_jobs(features={"cost": feature}))
    with pytest.raises(LeakageError, match="cost is unavailable"):
        refuse_leakage(late_jobs(features={"cost": feature}, unavailable=("repairs.cost",)))


def test_a_link_to_history_may_not_be_unavailable() -> None:
    feature = AsOf(history="jobs", by=("done",), known_at="done", window="1 hour", aggregate="count")
    with pytest.raises(LeakageError, match="by uses done"):
        refuse_leakage(late_jobs(features={"leak": feature}))


@pytest.mark.parametrize("expression", ["(select max(delay) from jobs)", "hash(struct(*))", "id in (select 1)"])
def test_an_expression_that_reaches_beyond_its_columns_is_refused(expression: str) -> None:
    with pytest.raises(DeclarationError, match="reaches beyond"):
        refuse_leakage(late_jobs(features={"leak": expression}))


def test_a_misspelt_unavailable_column_lets_nothing_through() -> None:
    with pytest.raises(DeclarationError, match="did you mean delay"):
        require_columns(late_jobs(unavailable=("dellay",)), COLUMNS)


def test_an_unknown_column_in_a_feature_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(DeclarationError, match="did you mean size"):
        require_columns(late_jobs(features={"x": "sise + 1"}), COLUMNS)


def test_nothing_has_run_when_leakage_is_refused(make_world: Callable[[pa.Table], World]) -> None:
    world = make_world(jobs())
    with pytest.raises(LeakageError):
        world.analyse(late_jobs(features={"leak": "delay"}))
    assert [table.name for table in world.lake.tables()] == ["exploitation.jobs"]
    assert not (world.root / "mlartifacts").exists()


def test_an_expression_whose_text_hides_what_it_uses_finds_nothing_there(
    make_world: Callable[[pa.Table], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second line of defence: unavailable columns are out of the frame that features are computed on."""
    world = make_world(jobs())
    analysis = late_jobs(features={"size": "size", "leak": "delay"})
    frame = world.lake.table("exploitation.jobs").frame(world.engine)
    with pytest.raises(Exception, match="delay"):
        example_frame(analysis, frame, {"jobs": frame}, world.engine).collect()


def test_code_is_given_no_unavailable_column(make_world: Callable[[pa.Table], World]) -> None:
    world = make_world(jobs())
    given: list[str] = []

    def derive(frame: Any) -> Any:
        given.extend(frame.columns)
        return frame.selectExpr("*", "size * busy as load")

    analysis = late_jobs(derive=derive, features=dict(late_jobs().features) | {"load": "load"})
    frame = world.lake.table("exploitation.jobs").frame(world.engine)
    rows = example_frame(analysis, frame, {"jobs": frame}, world.engine).toArrow().to_pylist()
    assert not {"delay", "done", "_label", "_group"} & set(given)
    assert len(rows) == jobs().num_rows
    assert all(row["load"] == row["size"] * row["busy"] for row in rows if row["size"] is not None)


def test_what_a_leak_would_give_when_someone_goes_round_the_declaration(
    make_world: Callable[[pa.Table], World],
) -> None:
    """A copy of the column under another name is beyond any check; the score is then too good to be true."""
    honest = make_world(jobs()).analyse(late_jobs()).facts.test
    copied = jobs().append_column("innocent", jobs().column("delay"))
    leaked = make_world(copied).analyse(late_jobs(features={"innocent": "innocent"})).facts.test
    assert isinstance(honest, float)
    assert isinstance(leaked, float)
    assert honest < 0.95 < leaked
