"""The SQL expressions of an analysis, translated so that the engine computes the same result as Apache Spark."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vertebra.declare.analysis import Analysis
from vertebra.declare.analysis_file import location_of
from vertebra.engine.plan_functions import require_deterministic
from vertebra.errors import DeclarationError
from vertebra.spark_sql.determinism import nondeterministic
from vertebra.spark_sql.dialect import parse_expression
from vertebra.spark_sql.unsupported import Problem, UnsupportedError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from vertebra.engine.port import Engine


class Expressions:
    """Translates the expressions of one analysis for one engine."""

    def __init__(self, analysis: Analysis, engine: Engine) -> None:
        self._analysis, self._engine = analysis, engine

    def text(self, expression: str, frame: DataFrame, *loc: str) -> str:
        """The SQL to run for an expression over a frame.

        Args:
            loc: where the declaration has the expression, e.g. ``"features", "distance"``.

        Raises:
            DeclarationError: the engine cannot compute it as Apache Spark does.
        """
        translation = self._engine.translate_expression(expression, frame)
        for problem in itertools.chain(_nondeterministic(expression), translation.problems):
            part = expression[problem.start : problem.end]
            raise self._refused(f"{'.'.join(loc)}: {problem.fact}: {part}", problem.cause, problem.remedy, *loc)
        return translation.text

    def column(self, expression: str, frame: DataFrame, *loc: str) -> Column:
        """The column of an expression over a frame; see :meth:`text`."""
        from pyspark.sql import functions as F

        return F.expr(self.text(expression, frame, *loc))

    def derived(self, derive: Callable[[DataFrame], DataFrame], frame: DataFrame) -> DataFrame:
        """The frame that the function ``derive`` returns.

        Raises:
            DeclarationError: the engine cannot compute it as Apache Spark does.
        """
        try:
            made = derive(frame)
            require_deterministic(made, [frame])
            return self._engine.translate_frame(made, [frame])
        except UnsupportedError as refused:
            raise self._refused(f"derive: {refused.fact}", refused.cause, refused.remedy, "derive") from None

    def _refused(self, fact: str, cause: str, remedy: str, *loc: str) -> DeclarationError:
        where = location_of(self._analysis, *loc)
        return DeclarationError(f"analysis {self._analysis.name}: {fact}", cause=cause, remedy=remedy, where=where)


def _nondeterministic(expression: str) -> Iterator[Problem]:
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_expression(expression)
    except SqlglotError:
        return  # the engine refuses it
    yield from nondeterministic(tree, expression)
