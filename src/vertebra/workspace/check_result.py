"""The result of a check of data: figures for each rule, examples, and the violating tuples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import CollectError
from vertebra.external_data.duckdb_values import connect, first_row
from vertebra.external_data.staging import StagedTable
from vertebra.formatting import counted, percentage
from vertebra.quoting import duckdb_identifier, duckdb_text
from vertebra.templates import render

if TYPE_CHECKING:
    import tempfile

    import duckdb
    import pyarrow as pa

    from vertebra.declare.table_rule import TableCondition
    from vertebra.denial import DenialConstraint, Finding, Inclusion
    from vertebra.trusted.table_rules import TableFinding


WHOLE_TABLE: Final = "whole table"
"""The class of a rule about the whole table."""


@dataclass(frozen=True)
class ViolatingTuple:
    """A row of an example.

    Attributes:
        role: the tuple variable it plays.
        row: its position in the data, from 0; in ``file`` if there are several files.
        values: of the columns that the rules name.
    """

    role: str
    table: str
    file: str
    row: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RuleResult:
    """The result of one rule.

    Attributes:
        constraint: prints as logic; for a rule about the whole table, in words.
        rows: of the table.
        violating_tuples: rows in any violation.
        violating_pairs: None for a rule about one tuple, and for a reference.
        lhs_pairs: pairs that match the equality part; None without one.
        g3_rows_low, g3_rows_high: bounds of the fewest rows to remove so that the rule holds; equal if it is exact.
        minority_cells: the cells a minimal repair of a functional dependency changes; None for other rules.
        seconds: of the engine jobs for the rule, including those that it shares with other rules.
        example: two rows that violate it together, or one.
        violated: how a rule about the whole table is violated; empty if it holds, and for other rules.
        figure: what a rule about the whole table measured, for ``fresh`` the age in days; None for other rules.
        missing: for a rule ``gap_free``, the steps of time without a row; None for other rules.
    """

    rule: str
    table: str
    constraint: DenialConstraint | Inclusion | TableCondition
    constraint_class: str
    rows: int
    violating_tuples: int
    violating_pairs: int | None
    lhs_pairs: int | None
    g3_rows_low: int
    g3_rows_high: int
    minority_cells: int | None
    seconds: float
    example: tuple[ViolatingTuple, ...] = ()
    violated: str = ""
    figure: float | None = None
    missing: int | None = None

    @property
    def ok(self) -> bool:
        """Whether neither a row nor the whole table violates it."""
        return self.violating_tuples == 0 and not self.violated

    @property
    def g2(self) -> float:
        """The share of rows in a violation, 0 to 1."""
        return self.violating_tuples / self.rows if self.rows else 0.0

    @property
    def g3(self) -> float | None:
        """The least share of rows to remove; None if only bounds are known."""
        return self.g3_low if self.g3_rows_low == self.g3_rows_high else None

    @property
    def g3_low(self) -> float:
        """Lower bound of g3."""
        return self.g3_rows_low / self.rows if self.rows else 0.0

    @property
    def g3_high(self) -> float:
        """Upper bound of g3."""
        return self.g3_rows_high / self.rows if self.rows else 0.0

    def as_row(self) -> dict[str, Any]:
        """For JSON and CSV."""
        return {
            "rule": self.rule, "table": self.table, "class": self.constraint_class, "rows": self.rows,
            "violating_tuples": self.violating_tuples, "violating_pairs": self.violating_pairs,
            "g2": self.g2, "g3": self.g3, "g3_low": self.g3_low, "g3_high": self.g3_high,
            "minority_cells": self.minority_cells, "seconds": round(self.seconds, 3),
            "constraint": str(self.constraint), "figure": self.figure, "violated": self.violated or None,
            "missing": self.missing,
        }  # fmt: skip


@dataclass(frozen=True)
class CheckedTable:
    """A table that was checked.

    Attributes:
        partners: for each of its rules, the table that the partner of a violating tuple is in.
        scratch: holds the violations.
    """

    staged: StagedTable
    partners: Mapping[str, StagedTable]
    scratch: Path

    @property
    def found(self) -> str | None:
        """The violations as an SQL relation: ``rule, rid, role, partner``; None if there are none."""
        files = sorted((self.scratch / "violations").rglob("*.parquet"))
        return f"read_parquet([{', '.join(map(duckdb_text, files))}])" if files else None


@dataclass(frozen=True)
class DataCheck:
    """The result of a check. It keeps temporary files until :meth:`close`.

    Attributes:
        results: one per rule, in the order they were given.
        findings: rules that are redundant or contradict others.
        notes: unexpected details of how the data were read.
        tables: the tables that were checked.
        shown: the path or type of each table's data.

    Example:
        >>> found = vertebra.check(folder / "data/orders.csv", "t.amount <= 0", null=["n/a"])
        >>> found.ok, found.results[0].violating_tuples
        (False, 1)
        >>> found.violations.select(["row", "rule"]).to_pylist()
        [{'row': 4, 'rule': 'rule_1'}]
        >>> found.write_violations("violations.csv")
        1
        >>> found.close()
    """

    results: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    tables: tuple[CheckedTable, ...]
    shown: Mapping[str, str]
    folder: tempfile.TemporaryDirectory[str]

    @property
    def ok(self) -> bool:
        """Whether no rule is violated."""
        return all(result.ok for result in self.results)

    @property
    def violations(self) -> pa.Table:
        """The violating tuples as an Arrow table, with the columns of :meth:`write_violations`."""
        with connect(Path(self.folder.name)) as connection:
            table: pa.Table = connection.sql(self._query(connection)).to_arrow_table()
        return table

    def write_violations(self, path: str | Path) -> int:
        """Write every violating tuple of every rule: ``row, role, rule, partner``, by rule and row.

        ``row`` is the position in the file, from 0; ``partner`` is the position of one row that violates the rule
        together with it. ``file`` and ``partner_file`` are added if a table has several files, ``table`` if several
        tables were checked.

        Args:
            path: ends with ``.parquet`` or ``.csv``.

        Returns:
            How many were written.

        Raises:
            CollectError: the path has another ending, or cannot be written.
        """
        kind = {".parquet": "parquet", ".csv": "csv"}.get(Path(path).suffix.lower())
        if kind is None:
            raise CollectError(f"{path} is neither .parquet nor .csv", remedy="--violations violations.parquet")
        with connect(Path(self.folder.name)) as connection:
            query = f"COPY ({self._query(connection)}) TO {duckdb_text(path)} (FORMAT {kind})"
            try:
                written = first_row(connection, query)
            except Exception as error:
                raise CollectError(
                    f"{path} cannot be written", cause=str(error).splitlines()[0],
                    remedy="name a file in a folder that exists",
                ) from None  # fmt: skip
        return int(written[0]) if written else 0

    def close(self) -> None:
        """Remove the temporary files; the violations are not available afterwards."""
        self.folder.cleanup()

    def _query(self, connection: duckdb.DuckDBPyConnection) -> str:
        filed = any(_filed(one) for table in self.tables for one in (table.staged, *table.partners.values()))
        several = len(self.tables) > 1
        selects = [select for table in self.tables for select in _selects(table, filed, several, connection)]
        if not selects:
            nothing = [
                "CAST(NULL AS BIGINT) AS row", "'' AS role", "'' AS rule", "CAST(NULL AS BIGINT) AS partner",
                *(["'' AS file", "'' AS partner_file"] if filed else []), *(["'' AS \"table\""] if several else []),
            ]  # fmt: skip
            return f"SELECT {', '.join(nothing)} WHERE false"
        order = "rule, file, row, role" if filed else "rule, row, role"
        return f"SELECT * FROM ({' UNION ALL '.join(selects)}) ORDER BY {order}"

    def __repr__(self) -> str:
        broken = sum(not result.ok for result in self.results)
        lines = [
            f"{broken} of {counted(len(self.results), 'rule')} violated"
            if broken
            else counted(len(self.results), "rule holds", "rules hold")
        ]
        width = max(len(result.rule) for result in self.results)
        for result in self.results:
            lines.append(f"  {result.rule:<{width}}  {_words(result)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        headings = ("rule", "class", "tuples", "pairs", "g2", "g3", "denies")
        rows = [(result, _g3_words(result)) for result in self.results]
        return render(__package__, "check_result.html.j2", headings=headings, rows=rows)


def table_result(found: TableFinding, table: str, rows: int, seconds: float) -> RuleResult:
    """The result of a rule about the whole table."""
    figure = next(one.value for one in found.measures() if one.measure == "figure")
    return RuleResult(
        rule=found.rule.name,
        table=table,
        constraint=found.rule.condition,
        constraint_class=WHOLE_TABLE,
        rows=rows,
        violating_tuples=0,
        violating_pairs=None,
        lhs_pairs=None,
        g3_rows_low=0,
        g3_rows_high=0,
        minority_cells=None,
        seconds=seconds,
        violated=found.reason,
        figure=figure,
    )


def _filed(staged: StagedTable) -> bool:
    return len(staged.parts) > 1


def _selects(table: CheckedTable, filed: bool, several: bool, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """SQL for the violations of a table, with positions instead of row ids."""
    if table.found is None:
        return []
    selects = []
    by_partner: dict[str, list[str]] = {}
    for rule, partner in table.partners.items():
        by_partner.setdefault(partner.name, []).append(rule)
    for rules in by_partner.values():
        columns = {"row": "v.rid", "role": "v.role", "rule": "v.rule", "partner": "v.partner"}
        joins = ""
        if filed:
            own = _places(table.staged, connection)
            other = _places(table.partners[rules[0]], connection)
            joins = (
                f" ASOF LEFT JOIN {own} AS a ON v.rid >= a.first ASOF LEFT JOIN {other} AS b ON v.partner >= b.first"
            )
            columns |= {"row": "v.rid - a.first", "partner": "v.partner - b.first"}
            columns |= {"file": "a.name", "partner_file": "b.name"}
        if several:
            columns["table"] = duckdb_text(table.staged.name)
        listed = ", ".join(f"{value} AS {duckdb_identifier(name)}" for name, value in columns.items())
        names = ", ".join(map(duckdb_text, rules))
        selects.append(f"SELECT {listed} FROM {table.found} AS v{joins} WHERE v.rule IN ({names})")
    return selects


def _places(staged: StagedTable, connection: duckdb.DuckDBPyConnection) -> str:
    """A table of the files: ``name, first``."""
    import pyarrow as pa

    view = f"places_{staged.name}"
    names, firsts = [name for name, _ in staged.parts], [first for _, first in staged.parts]
    connection.register(view, pa.table({"name": pa.array(names, pa.string()), "first": pa.array(firsts, pa.int64())}))
    return duckdb_identifier(view)


def _words(result: RuleResult) -> str:
    if result.violated:
        return result.violated
    if result.ok:
        return f"holds ({counted(result.rows, 'row')})"
    pairs = "" if result.violating_pairs is None else f" in {counted(result.violating_pairs, 'pair')}"
    shares = f"g2 {percentage(result.g2)}, g3 {_g3_words(result)}"
    rows = counted(result.rows, "row")
    verb = "violates" if result.violating_tuples == 1 else "violate"
    gaps = f"{counted(result.missing, 'row is', 'rows are')} missing: " if result.missing else ""
    return f"{gaps}{result.violating_tuples:,} of {rows} {verb} it{pairs}, {shares}"


def _g3_words(result: RuleResult) -> str:
    if result.g3 is not None:
        return percentage(result.g3)
    return f"{percentage(result.g3_low)} to {percentage(result.g3_high)}"
