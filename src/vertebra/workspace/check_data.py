"""Checking any data against rules, without a project: ``vertebra.check`` and ``vertebra check --data``."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.declare.standalone_rules import (
    Rules,
    StandaloneRule,
    columns_of,
    compile_rules,
    compile_table_rules,
    relations_of,
    review_rules,
    standalone_rules,
)
from vertebra.engine import running
from vertebra.errors import CollectError, RuleError
from vertebra.external_data.open import open_data
from vertebra.external_data.source import ExternalTable, SourceLayout
from vertebra.external_data.spark_frames import SparkFrames, is_spark
from vertebra.external_data.staging import ROW_ID, StagedTable, checked_types, stage
from vertebra.formatting import counted, shortened
from vertebra.governance.context import Progress, silent
from vertebra.unicode_form import nfc
from vertebra.workspace.check_examples import examples
from vertebra.workspace.check_result import CheckedTable, DataCheck, RuleResult, table_result

if TYPE_CHECKING:
    from vertebra.declare.rules import NamedRule
    from vertebra.engine.port import Engine
    from vertebra.trusted.detect import Detection, RuleCount, RulePlan

_NAME: Final = re.compile(r"[A-Za-z]\w*")


def check(
    data: Any,
    rules: Rules,
    *,
    types: Mapping[str, str] | None = None,
    null: Sequence[str] = (),
    all_text: bool = False,
    delimiter: str | None = None,
    trim: bool = False,
    engine: str | Engine = "sail",
    progress: Progress = silent,
) -> DataCheck:
    """Check data against denial constraints: every violating tuple, and the exact number of violating pairs.

    Args:
        data: a path of CSV, JSON lines, Parquet, Avro or Excel files or zip archives of them, with wildcards or not;
            a Delta table's folder; a pyarrow Table, a pandas, Polars or Spark DataFrame; or a mapping of names to
            these, for rules between tables.
        rules: texts in any notation (``"t.zip = s.zip and t.city != s.city"``, ``"zip -> city"``), a mapping of names
            to texts or to sugar (``{"far": {"range": {"distance": [1, 5000]}}}``), or the path of a file.
        types: types of columns, instead of the detected ones: ``{"zip": "string"}``.
        null: texts of CSV files that mean NULL, besides the empty cell without quotes.
        all_text: read every column of CSV files as text.
        delimiter: of CSV files; by default detected.
        trim: whether texts of CSV files lose the blanks around them, as with ``trim: true`` in a dataset. Numbers and
            times are always read without.
        engine: ``sail``, ``sc://host:port``, or an engine that is running. A Spark DataFrame is checked by its own
            session.
        progress: receives what is being done.

    Raises:
        RuleError: a rule is not a denial constraint over the columns of the data.
        DeclarationError: a rule has an invalid form.
        CollectError: the data cannot be read.

    Example:
        >>> found = vertebra.check(folder / "data/orders.csv", ["postcode -> city", "t.amount <= 0"], null=["n/a"])
        >>> found
        2 of 2 rules violated
          postcode_determines_city  4 of 10 rows violate it in 3 pairs, g2 40 %, g3 10 %
          rule_2                    1 of 10 rows violates it, g2 10 %, g3 10 %
        >>> [(tuple_.row, tuple_.values["city"]) for tuple_ in found.results[0].example]
        [(0, 'Barcelona'), (3, 'Barclona')]
    """
    reading = SourceLayout(checked_types(dict(types or {})), tuple(null), all_text, delimiter, trim)
    checking = _Checking(data, rules, reading, progress)
    return checking.run(engine)


@dataclass(frozen=True)
class _Table:
    name: str
    given: ExternalTable | SparkFrames
    shown: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that rules may name: all except the row id."""
        return tuple(name for name in self.given.columns if name.lower() != ROW_ID)


class _Checking:
    """One check: it opens the data, compiles the rules, stages columns and finds violations."""

    def __init__(self, data: Any, rules: Rules, reading: SourceLayout, progress: Progress) -> None:
        self.reading = reading
        self.progress = progress
        self.given: tuple[StandaloneRule, ...] = standalone_rules(rules)
        if not self.given:
            raise RuleError("there are no rules", remedy="vertebra check --data FILE --deny 't.distance <= 0'")
        self.tables = _tables(data, reading)
        self.default = next(iter(self.tables))
        self._check_types()
        columns = {name: dict.fromkeys(table.columns, "") for name, table in self.tables.items()}
        self.untyped = compile_rules(self.given, columns, self.default)
        self.wanted = _columns(self.untyped)
        whole = compile_table_rules(self.given, columns[self.default], self.default)
        if whole:
            needed = [name for one in whole for name in one.condition.columns] or self.tables[self.default].columns[:1]
            self.wanted[self.default] = tuple(dict.fromkeys((*self.wanted.get(self.default, ()), *needed)))

    def run(self, engine: str | Engine) -> DataCheck:
        spark = [table.given for table in self.tables.values() if isinstance(table.given, SparkFrames)]
        with running(spark[0].engine() if spark else engine) as chosen:
            return chosen.attempt(lambda: self._checked(chosen), self.progress)

    def _checked(self, engine: Engine) -> DataCheck:
        folder = tempfile.TemporaryDirectory(prefix="vertebra-check-", ignore_cleanup_errors=True)
        staged = self._staged(engine, Path(folder.name))
        notes = tuple(note for one in staged.values() for note in one.notes)
        rules = self._compiled(staged, notes)
        frames = {name: one.frame(engine) for name, one in staged.items()}
        results: list[RuleResult] = []
        tables: list[CheckedTable] = []
        for table, own in rules.items():
            self.progress(f"checking {table}: {counted(staged[table].rows, 'row')}, {counted(len(own), 'rule')}")
            scratch = Path(folder.name) / "found" / table
            scratch.mkdir(parents=True)
            found, seconds = _detected(table, frames, own, engine, scratch)
            checked = CheckedTable(staged[table], {r.name: staged[_partner(r, table)] for r in own}, scratch)
            tables.append(checked)
            results += [
                _result(rule, count, checked, found.seconds.get(rule.name, seconds))
                for rule, count in zip(own, found.counts, strict=True)
            ]
        whole = self._about_tables(staged, frames)
        order = {one.name: place for place, one in enumerate(rule for own in rules.values() for rule in own)}
        self.progress("looking for examples")
        shown = {name: table.shown for name, table in self.tables.items()}
        return DataCheck(
            (*examples(sorted(results, key=lambda one: order[one.rule]), tables), *whole),
            review_rules(rules), notes, tuple(tables), shown, folder,
        )  # fmt: skip

    def _about_tables(self, staged: Mapping[str, StagedTable], frames: Mapping[str, Any]) -> list[RuleResult]:
        """The results of the rules about the whole table, which is the first one."""
        from vertebra.trusted.table_rules import check_table

        table = staged.get(self.default)
        if table is None:
            return []
        typed = dict.fromkeys(self.tables[self.default].columns, "") | table.types
        whole = compile_table_rules(self.given, typed, self.default)
        if not whole:
            return []
        clock = time.perf_counter()
        found = check_table(whole, frames[self.default], datetime.now(UTC))
        seconds = (time.perf_counter() - clock) / len(whole)
        return [table_result(one, self.default, table.rows, seconds) for one in found]

    def _staged(self, engine: Engine, folder: Path) -> dict[str, StagedTable]:
        staged = {}
        for name, table in self.tables.items():
            columns = self.wanted.get(name)
            if columns is None:
                continue
            own = folder / "data" / name
            own.mkdir(parents=True)
            if isinstance(table.given, SparkFrames):
                staged[name] = table.given.staged(name, columns, engine, own)
            else:
                staged[name] = stage(name, table.given, columns, self.reading, own, self.progress)
        return staged

    def _compiled(self, staged: Mapping[str, StagedTable], notes: tuple[str, ...]) -> dict[str, tuple[NamedRule, ...]]:
        """The rules over typed columns; columns that no rule names have no type."""
        typed = {
            name: dict.fromkeys(table.columns, "") | (staged[name].types if name in staged else {})
            for name, table in self.tables.items()
        }
        try:
            return compile_rules(self.given, typed, self.default)
        except RuleError as error:
            if not notes:
                raise
            cause = "; ".join(filter(None, (error.cause, *notes)))
            raise RuleError(error.fact, cause=cause, remedy=error.remedy, where=error.where) from None

    def _check_types(self) -> None:
        known = {column for table in self.tables.values() for column in table.given.columns}
        for column in self.reading.types:
            if column not in known:
                raise CollectError(
                    f"the data have no column {column}, whose type is declared",
                    cause=f"the columns are {shortened(sorted(known))}", remedy="correct --type",
                )  # fmt: skip


def rules_given(file: Path | None, texts: Sequence[str], unique: Sequence[str]) -> tuple[StandaloneRule, ...]:
    """Collect rules that are given one by one.

    Args:
        file: with rules, as YAML or one per line.
        texts: denial constraints and functional dependencies in any notation.
        unique: columns that identify a row, each as ``a, b``.

    Raises:
        DeclarationError: a rule is wrong, or the file cannot be read.
    """
    found = list(standalone_rules(file)) if file else []
    found += standalone_rules(texts, "deny") if texts else ()
    for columns in unique:
        listed = [nfc(part.strip()) for part in columns.split(",")]
        found += standalone_rules({"unique_" + "_".join(listed): {"unique": listed}})
    return tuple(found)


def explain_data(
    data: Any, rules: Rules, *, types: Mapping[str, str] | None = None, delimiter: str | None = None
) -> dict[str, tuple[RulePlan, ...]]:
    """Return how rules would be checked on data, by table; only the names of the columns are read.

    Args:
        data, rules, types, delimiter: as in :func:`check`.

    Raises:
        VertebraError: as in :func:`check`.

    Example:
        >>> [plan] = vertebra.explain(folder / "data/orders.csv", ["postcode -> city"])["orders"]
        >>> plan.rule, plan.exact, plan.cost
        ('postcode_determines_city', True, 'n + v')
    """
    from vertebra.trusted.detect import explain

    reading = SourceLayout(checked_types(dict(types or {})), delimiter=delimiter)
    checking = _Checking(data, rules, reading, silent)
    return {table: explain(table, checking.tables, own) for table, own in checking.untyped.items()}


def _tables(data: Any, reading: SourceLayout) -> dict[str, _Table]:
    given = data if isinstance(data, Mapping) else {"": data}
    if not given:
        raise CollectError("there are no data", remedy="vertebra check --data FILE --deny 't.distance <= 0'")
    found = {}
    for name, one in given.items():
        named = name or name_of(one)
        if not _NAME.fullmatch(named):
            raise CollectError(f"{named!r} cannot name a table", remedy="write letters, digits and _, a letter first")
        shown = str(one) if isinstance(one, str | Path) else type(one).__name__
        found[named] = _Table(named, SparkFrames(one) if is_spark(one) else open_data(one, reading), shown)
    return found


def name_of(data: Any) -> str:
    """The name of a table, from its file: ``flights`` of ``data/flights-2013.csv.gz`` is ``flights_2013``."""
    if not isinstance(data, str | Path):
        return "data"
    parts = [part for part in Path(data).parts if not set("*?[") & set(part)]
    stem = (parts[-1] if parts else "data").partition(".")[0]
    name = re.sub(r"\W+", "_", stem).strip("_")
    return name if _NAME.fullmatch(name) else "data"


def _columns(rules: Mapping[str, Sequence[NamedRule]]) -> dict[str, tuple[str, ...]]:
    """The columns that rules name, by table; tables without rules are left out."""
    found: dict[str, dict[str, None]] = {}
    for rule in (rule for own in rules.values() for rule in own):
        for table in relations_of(rule.constraint):
            found.setdefault(table, {}).update(dict.fromkeys(columns_of(rule.constraint, table)))
    return {table: tuple(columns) for table, columns in found.items()}


def _detected(
    table: str, frames: Mapping[str, Any], rules: Sequence[NamedRule], engine: Engine, scratch: Path
) -> tuple[Detection, float]:
    from vertebra.trusted.detect import detect

    clock = time.perf_counter()
    found = detect(table, frames, rules, engine, scratch)
    return found, time.perf_counter() - clock


def _partner(rule: NamedRule, table: str) -> str:
    """The table that the partner of a violating tuple is in."""
    return next((name for name in relations_of(rule.constraint) if name != table), table)


def _result(rule: NamedRule, count: RuleCount, table: CheckedTable, seconds: float) -> RuleResult:
    low, high = count.g3_low, count.g3_high
    return RuleResult(
        rule=rule.name,
        table=table.staged.name,
        constraint=rule.constraint,
        constraint_class=count.constraint_class,
        rows=count.rows,
        violating_tuples=count.violating_tuples,
        violating_pairs=count.violating_pairs,
        lhs_pairs=count.lhs_pairs,
        g3_rows_low=low or 0,
        g3_rows_high=count.violating_tuples if high is None else high,
        minority_cells=count.minority_cells,
        missing=count.missing,
        seconds=seconds,
    )
