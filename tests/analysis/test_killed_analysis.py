"""Analyses that kill their process at a commit: the champion stays what it was, and the next run completes."""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from analysis_world import World, jobs, late_jobs
from forked import Forks
from vertebra.analysis import predict as prediction

DYING = """
    import os, signal, sys
    from pathlib import Path

    tests, root, table, steps = sys.argv[1:]
    sys.path.insert(0, tests)
    from analysis_world import World, late_jobs
    from vertebra.engine import start
    from vertebra.lake.table import LakeTable

    commit = LakeTable.commit

    def dying(self, *about, **more):
        if self.name == table:
            os.kill(os.getpid(), signal.SIGKILL)
        return commit(self, *about, **more)

    LakeTable.commit = dying
    World(Path(root), start(), int(steps)).analyse(late_jobs(champion="newest"))
"""


def scored(world: World) -> tuple[str, list[Any]]:
    """The champion, and what it says."""
    analysis = late_jobs()
    outcome = prediction.predict(analysis, world.tracking, "workshop", world.context(analysis))
    (written,) = outcome.outputs
    rows = world.lake.table(written).arrow().to_table().to_pylist()
    return outcome.facts.model_version, sorted((row["id"], row["_prediction"]) for row in rows)


def test_of_an_analysis_killed_at_a_commit_the_next_run_makes_a_whole(
    make_world: Callable[[pa.Table], World],
    forks: Forks,
) -> None:
    world = make_world(jobs())
    world.analyse(late_jobs())
    champion, said = scored(world)
    world.put("exploitation.jobs", jobs(seed=1))
    for table in ("analysis.late_jobs_test", "governance.models"):
        world.steps += 1
        child = forks.run(
            textwrap.dedent(DYING), str(Path(__file__).parents[1]), str(world.root), table, str(world.steps)
        )
        world.steps += 1
        assert child.returncode == -signal.SIGKILL, child.stderr
        assert scored(world)[0] == champion, "nothing is deployed that the ledger does not know"
    outcome = world.analyse(late_jobs(champion="newest"))
    now, after = scored(world)
    assert now == outcome.facts.model_version != champion
    assert after != said
    fresh = make_world(jobs(seed=1))
    fresh.analyse(late_jobs())
    assert scored(fresh)[1] == after
    chosen = world.models(chosen=True, split="test")
    assert {row["model_version"] for row in chosen} == {champion.split()[-1], now.split()[-1]}
