"""Orchestration: decides which steps of a project have to run, runs them in order, and records what happened.

- :mod:`~vertebra.pipeline.steps`, :mod:`~vertebra.pipeline.graph` and :mod:`~vertebra.pipeline.selection`: the steps of
  a project, the tables between them, and how a user selects some of them.
- :mod:`~vertebra.pipeline.fingerprint`, :mod:`~vertebra.pipeline.state` and :mod:`~vertebra.pipeline.plan`: what the
  result of a step depends on, the state of the lake, and from these, which steps run and why.
- :mod:`~vertebra.pipeline.run`, :mod:`~vertebra.pipeline.context`, :mod:`~vertebra.pipeline.land` and
  :mod:`~vertebra.pipeline.dispatch`: one run, what it works with, and the work of each kind of step.
- :mod:`~vertebra.pipeline.progress` and :mod:`~vertebra.pipeline.record`: what a run reports to people and to the
  ledgers.
- :mod:`~vertebra.pipeline.due` and :mod:`~vertebra.pipeline.schedule`: runs on a schedule.
- :mod:`~vertebra.pipeline.gc_roots`: which table versions garbage collection keeps.
"""
