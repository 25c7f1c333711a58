"""An exploitation view: ``views/<name>.sql`` (SparkSQL), ``views/<name>.py`` or ``views/<name>.yaml`` (a series)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import Field

from vertebra.declare.dataset import Column, Declaration, Name, Rule
from vertebra.declare.series import Series
from vertebra.declare.view_rules import ViewRules

Function = TypeVar("Function", bound=Callable[..., Any])

_MARK: Final = "__vertebra_view__"


class View(Declaration):
    """One view.

    Attributes:
        inputs: the qualified tables it reads (``trusted.flights``), from the SQL or as declared.
        sql: its query; of a series, the one that computes it.
        run_functions: ``run_date`` and ``run_time``, if its SQL calls them.
        imports: the project's Python files that its code imports.
        series: what it is declared as, if it is a series.
        rules: its columns and rules, if they are declared in a file beside it.
        rules_file: this file.
    """

    name: Name
    description: str = ""
    language: Literal["sql", "python"]
    inputs: tuple[str, ...]
    file: Path
    sql: str | None = None
    build: Callable[..., Any] | None = None
    imports: tuple[Path, ...] = ()
    tags: tuple[str, ...] = ()
    run_functions: tuple[str, ...] = ()
    series: Series | None = None
    rules: ViewRules | None = None
    rules_file: Path | None = None


class SeriesFile(Declaration):
    """A view that is a series, as ``views/<name>.yaml`` declares it.

    Attributes:
        series: the records, the steps of time, and the figures of each step.
        columns: columns of the view with their types and rules, where rules need them: the time of steps, differences,
            counts and marks of filled values are known.
        key: the columns that identify a row, a rule.
        rules: its rules, as of a dataset. ``on_violation`` is ``report`` or ``fail``.
    """

    name: Name
    description: str = ""
    tags: tuple[str, ...] = ()
    series: Series
    columns: dict[Name, Column] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    rules: dict[Name, Rule] = Field(default_factory=dict)

    @property
    def checks(self) -> ViewRules | None:
        """Its columns and rules; None if no rules are declared."""
        if not (self.columns or self.key or self.rules):
            return None
        known = {name: Column(type=kind) for name, kind in self.series.known_types.items()}
        return ViewRules(name=self.name, columns=known | self.columns, key=self.key, rules=self.rules)


@dataclass(frozen=True)
class PythonView:
    """The declaration that :func:`view` attaches to a function."""

    inputs: tuple[str, ...]
    description: str
    tags: tuple[str, ...]


def view(*inputs: str, description: str = "", tags: Sequence[str] = ()) -> Callable[[Function], Function]:
    """Declare the function of ``views/<name>.py`` that builds the view ``exploitation.<name>``.

    The file can import modules of the project's folder, such as ``lib/dates.py`` with ``from lib import dates``. If you
    change one of them, the view is built again. Vertebra reads the ``import`` statements; it does not notice changes of
    modules that are imported otherwise, e.g. with ``importlib.import_module``, and of files that the code opens.

    Args:
        inputs: qualified names of the tables it reads; the function is called with their Spark frames, in this order.
        description: what a row of the view is; by default the first paragraph of the function's docstring.
        tags: for ``--select tag:<tag>``.

    Example:
        >>> code = '''
        ... import vertebra
        ...
        ... @vertebra.view("trusted.orders", description="Orders per day.")
        ... def orders_per_day(orders):
        ...     return orders.groupBy("ordered_on").count()
        ... '''
        >>> file = folder / "views" / "orders_per_day.py"
        >>> size = file.write_text(code)
        >>> [one.step for one in vertebra.open(folder).steps("orders_per_day")]
        ['exploitation.orders_per_day']
    """

    def mark(function: Function) -> Function:
        text = description or " ".join((function.__doc__ or "").strip().split("\n\n")[0].split())
        setattr(function, _MARK, PythonView(tuple(inputs), text, tuple(tags)))
        return function

    return mark


def declared_views(module: Any) -> list[tuple[Callable[..., Any], PythonView]]:
    """The functions of a module that :func:`view` declares; a view's file has exactly one."""
    return [
        (value, getattr(value, _MARK))
        for value in vars(module).values()
        if callable(value) and isinstance(getattr(value, _MARK, None), PythonView)
    ]
