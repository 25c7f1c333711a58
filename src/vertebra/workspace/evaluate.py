"""How right the repairs of a dataset are, measured against a file that has the right values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from vertebra.duckdb_connection import connect_duckdb
from vertebra.errors import DecisionError, LakeError
from vertebra.formatting import counted
from vertebra.quoting import duckdb_identifier, duckdb_text
from vertebra.workspace.tables import TableHandle
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    import duckdb

    from vertebra.declare.dataset import Column, Dataset
    from vertebra.lake.catalog import Lake


@dataclass(frozen=True)
class Score:
    """How right the repairs of some cells are.

    Attributes:
        errors: cells that were wrong in the formatted table; None where they cannot be told, as for one method.
        repaired: cells that cleaning changed.
        right: of these, those that have the right value now.
        broken: of these, those that were right before.
    """

    errors: int | None
    repaired: int
    right: int
    broken: int

    @property
    def precision(self) -> float | None:
        """The share of repairs that are right."""
        return self.right / self.repaired if self.repaired else None

    @property
    def recall(self) -> float | None:
        """The share of wrong cells that are right now."""
        return self.right / self.errors if self.errors else None

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall."""
        if self.precision is None or self.recall is None:
            return None
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


@dataclass(frozen=True)
class Evaluation:
    """The repairs of a dataset against the truth.

    Attributes:
        rows: rows of the trusted table that were compared.
        cells: cells that were compared.
        left_out: columns that were not compared, and why.
        without_truth: rows of the trusted table that the file does not have.
        total: of all columns.
        columns: by column, those with an error or a repair.
        methods: by method.
    """

    rows: int
    cells: int
    left_out: dict[str, str]
    without_truth: int
    total: Score
    columns: dict[str, Score]
    methods: dict[str, Score]


def evaluate_repairs(lake: Lake, dataset: Dataset, truth: Path | str) -> Evaluation:
    """Compare the formatted and the trusted table of a dataset with a CSV file of the right values.

    Empty cells and NULL are the same. Numbers, dates and times are compared as values of their columns, written in
    ISO 8601 and with a decimal point; columns whose cells the dataset reads in another way are left out.

    Raises:
        LakeError: there is no trusted table yet.
        DecisionError: the file cannot be read, has no column of the dataset, or has other rows.
    """
    file = Path(truth)
    if not file.is_file():
        raise DecisionError(
            f"{file} does not exist", cause="it has the right values", remedy="write the path of a CSV file"
        )
    connection = connect_duckdb()
    connection.execute("SET TimeZone = 'UTC'")
    for zone in DATASET_ZONES:
        if not lake.table(f"{zone}.{dataset.name}").exists():
            raise LakeError(
                f"there is no table {zone}.{dataset.name}",
                cause="it was not made yet",
                remedy=f"vertebra run --select trusted.{dataset.name}",
            )
        connection.register(zone, TableHandle(lake, f"{zone}.{dataset.name}", None, _no_engine).dataset())
    columns, left_out = _matched(connection, dataset, file)
    _pair(connection, dataset, columns, file)
    return _scores(connection, lake, dataset, list(columns), left_out)


def _no_engine() -> NoReturn:
    raise AssertionError("DuckDB answers without an engine")


def _matched(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, file: Path
) -> tuple[dict[str, str], dict[str, str]]:
    """The columns of the file by the columns of the dataset that they are, and why others cannot be compared."""
    import duckdb

    try:
        connection.execute(
            f"CREATE TABLE truth AS SELECT row_number() OVER () - 1 AS _place, * FROM "
            f"read_csv({duckdb_text(str(file))}, header = true, all_varchar = true, auto_detect = true)"
        )
    except duckdb.Error as error:
        raise DecisionError(
            f"{file} cannot be read", cause=str(error).splitlines()[0], remedy="write a CSV file"
        ) from None
    written = [row[0] for row in connection.execute("DESCRIBE truth").fetchall() if row[0] != "_place"]
    found, left_out = {}, {}
    for name, column in dataset.columns.items():
        source = column.source if isinstance(column.source, str) else name
        wanted = {name.casefold(), source.casefold()}
        match = next((one for one in written if one.casefold() in wanted), None)
        if match is None:
            left_out[name] = "the file has no such column"
        elif _read_otherwise(column):
            left_out[name] = "the dataset declares how its cells are written"
        else:
            found[name] = match
    if not found:
        raise DecisionError(
            f"{file} has no column of {dataset.name} that can be compared",
            cause=f"its columns are {', '.join(written[:20])}",
            remedy=f"name them as the dataset does: {', '.join(list(dataset.columns)[:20])}",
        )
    return found, left_out


def _read_otherwise(column: Column) -> bool:
    """Whether the cells of a column are not written as the text of their values."""
    declared = (column.format, column.zone, column.convert, column.thousands, column.true_values, column.false_values)
    return any(declared) or column.decimal != "."


def _pair(connection: duckdb.DuckDBPyConnection, dataset: Dataset, columns: dict[str, str], file: Path) -> None:
    """Make the table ``pairs``: for each row its id and each column as it was, is and should be, as text."""
    key = list(dataset.key) if dataset.key and set(dataset.key) <= set(columns) else []
    types = {name: dataset.columns[name].type for name in columns}
    kind = {name: "VARCHAR" if types[name] == "string" else _duckdb_type(types[name]) for name in columns}
    right = {
        name: f"TRY_CAST(NULLIF(truth.{duckdb_identifier(column)}, '') AS {kind[name]})"
        for name, column in columns.items()
    }
    if key:
        _refuse_repeated(connection, [right[name] for name in key], key, file)
        joined = " AND ".join(f"formatted.{duckdb_identifier(name)} = {right[name]}" for name in key)
        source = f"formatted JOIN truth ON {joined}"
    else:
        rows = _count(connection, "formatted")
        given = _count(connection, "truth")
        if rows != given:
            raise DecisionError(
                f"{file} has {given} rows and formatted.{dataset.name} has {rows}",
                cause="without a key, the rows of the file are in the order of the records",
                remedy="declare the key of the dataset, or give a file with a row for each record",
            )
        numbered = "(SELECT row_number() OVER (ORDER BY _rid) - 1 AS _place, * FROM formatted)"
        source = f"{numbered} AS formatted JOIN truth USING (_place)"
    cells = ", ".join(
        f"{_text('formatted.' + duckdb_identifier(name))} AS was{i},"
        f" {_text('trusted.' + duckdb_identifier(name))} AS now{i}, {_text(right[name])} AS right{i}"
        for i, name in enumerate(columns)
    )
    source = f"{source} JOIN trusted ON trusted._rid = formatted._rid"
    connection.execute(f"CREATE TABLE pairs AS SELECT formatted._rid, {cells} FROM {source}")


def _refuse_repeated(connection: duckdb.DuckDBPyConnection, values: list[str], key: list[str], file: Path) -> None:
    """Refuse a file in which two rows have one key: it does not say which of them is right."""
    several = f"SELECT 1 FROM truth GROUP BY {', '.join(values)} HAVING count(*) > 1"
    repeated = len(connection.execute(several).fetchall())
    if repeated:
        raise DecisionError(
            f"{file} has several rows for {counted(repeated, 'key')} of {', '.join(key)}",
            cause="the right values of a row are found by its key",
            remedy="keep one row for each key",
        )


def _scores(
    connection: duckdb.DuckDBPyConnection, lake: Lake, dataset: Dataset, columns: list[str], left_out: dict[str, str]
) -> Evaluation:
    cells = " UNION ALL ".join(
        f"SELECT _rid, {duckdb_text(name)} AS column_name, was{i} AS was, now{i} AS now, right{i} AS right_value"
        " FROM pairs"
        for i, name in enumerate(columns)
    )
    connection.execute(
        f"CREATE TABLE cells AS SELECT _rid, column_name, was <> right_value AS wrong, was <> now AS changed,"
        f" now = right_value AS good FROM ({cells}) WHERE was <> right_value OR was <> now"
    )
    rows = _count(connection, "pairs")
    measures = (
        "count(*) FILTER (wrong), count(*) FILTER (changed), count(*) FILTER (changed AND good),"
        " count(*) FILTER (changed AND NOT wrong)"
    )
    by_column = {
        name: Score(*figures)
        for name, *figures in connection.execute(
            f"SELECT column_name, {measures} FROM cells GROUP BY 1 ORDER BY 1"
        ).fetchall()
    }
    total = Score(*connection.execute(f"SELECT {measures} FROM cells").fetchall()[0])
    by_method: dict[str, Score] = {}
    repairs = lake.table("governance.repairs")
    if repairs.exists():
        connection.register("repairs", TableHandle(lake, "governance.repairs", None, _no_engine).dataset())
        found = connection.execute(
            f"SELECT repairs.method, {measures} FROM cells JOIN repairs ON repairs.rid = cells._rid AND"
            f" repairs.column_name = cells.column_name AND repairs.dataset = {duckdb_text(dataset.name)}"
            " WHERE changed GROUP BY 1 ORDER BY 1"
        )
        by_method = {name: Score(None, *figures) for name, _, *figures in found.fetchall()}
    without = _count(connection, "trusted") - rows
    return Evaluation(rows, rows * len(columns), left_out, without, total, by_column, by_method)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {duckdb_identifier(table)}").fetchall()[0][0])


def _text(expression: str) -> str:
    return f"coalesce(CAST({expression} AS VARCHAR), '')"


def _duckdb_type(kind: str) -> str:
    """The DuckDB name of a column's type."""
    return {"timestamp": "TIMESTAMPTZ"}.get(kind, kind.upper())
