"""The command that checks tables of a project, or any data, against denial constraints, without writing to the lake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vertebra.cli.options import (
    CURRENT_FOLDER,
    EngineOption,
    FormatOption,
    ProfileOption,
    ProjectOption,
    open_workspace,
    output_format,
    print_note,
)
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra import Workspace
    from vertebra.report.rows import Format

Texts = list[str] | None

TypeOption = Annotated[
    Texts,
    typer.Option(
        "--type", metavar="COLUMN=TYPE", help="The type of a column, e.g. zip=string; repeatable.", show_default=False
    ),
]
NullOption = Annotated[
    Texts,
    typer.Option(
        "--null", metavar="TEXT", help="A text that means NULL in CSV files, e.g. NA; repeatable.", show_default=False
    ),
]
DelimiterOption = Annotated[
    str | None,
    typer.Option("--delimiter", metavar="CHARACTER", help="Of CSV files; by default detected.", show_default=False),
]


def check(
    datasets: Annotated[
        Texts, typer.Argument(metavar="DATASET", help="Datasets to check; by default all.", show_default=False)
    ] = None,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="Check formatted (before cleaning) or trusted tables.")
    ] = "formatted",
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how each rule would be checked; check nothing.")
    ] = False,
    data: Annotated[
        Texts,
        typer.Option(
            "--data",
            "-d",
            metavar="FILE",
            help="Check FILE, 'PATTERN', a Delta folder, or NAME=FILE.",
            show_default=False,
        ),
    ] = None,
    deny: Annotated[
        Texts,
        typer.Option(
            "--deny", metavar="RULE", help="A denial constraint in any notation; repeatable.", show_default=False
        ),
    ] = None,
    unique: Annotated[
        Texts,
        typer.Option(
            "--unique", metavar="COLUMNS", help="Columns that identify a row: 'origin, time_hour'.", show_default=False
        ),
    ] = None,
    determines: Annotated[
        Texts,
        typer.Option(
            "--determines",
            metavar="RULE",
            help="A functional dependency: 'origin, dest -> distance'.",
            show_default=False,
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(
            "--rules", metavar="FILE", help="Rules as YAML, like a dataset's, or one per line.", show_default=False
        ),
    ] = None,
    violations: Annotated[
        Path | None,
        typer.Option(
            "--violations", metavar="FILE", help="Write violating rows to a .parquet or .csv file.", show_default=False
        ),
    ] = None,
    kind: TypeOption = None,
    null: NullOption = None,
    all_text: Annotated[bool, typer.Option("--all-text", help="Read every column of CSV files as text.")] = False,
    delimiter: DelimiterOption = None,
    trim: Annotated[bool, typer.Option("--trim", help="Remove blanks around the texts of CSV files.")] = False,
    form: FormatOption = "table",
    project: ProjectOption = CURRENT_FOLDER,
    profile: ProfileOption = None,
    engine: EngineOption = None,
) -> None:
    """Check tables or any file against rules; write nothing.

    Without --data, checks datasets of the project against their declared rules, and exits with code 1 if a rule
    declared with on_violation: fail is broken. With --data, checks files against the rules you give, and exits with
    code 1 if any is broken.

    \b
    Examples:
      vertebra check
      vertebra check flights --zone trusted --format json
      vertebra check flights --explain
      vertebra check --data flights.csv --deny "t.distance <= 0"
      vertebra check -d flights.csv --determines "origin, dest -> distance"
      vertebra check -d '2013/*.parquet' --rules rules.yaml --violations bad.csv
      vertebra check -d f=flights.csv -d p=planes.csv \\
        --deny "f t, p s: t.tailnum = s.tailnum and s.seats < 9"
    """  # fmt: skip
    chosen = output_format(form)
    given = {"--deny": deny, "--unique": unique, "--determines": determines, "--rules": rules,
             "--violations": violations, "--type": kind, "--null": null, "--delimiter": delimiter,
             "--all-text": all_text, "--trim": trim}  # fmt: skip
    if data is None:
        unused = next((option for option, value in given.items() if value), None)
        if unused:
            raise typer.BadParameter(
                "it needs --data; the rules of a project are in datasets/*.yaml", param_hint=unused
            )
        with open_workspace(project, profile, engine, strict=True) as space:
            _check_project(space, datasets or (), zone, explain, chosen)
        return
    if datasets:
        raise typer.BadParameter(
            f"give either --data or datasets of a project: {' '.join(datasets)}", param_hint="--data"
        )
    if not (deny or unique or determines or rules):
        raise typer.BadParameter("give rules: --deny, --unique, --determines or --rules", param_hint="--data")
    if delimiter is not None and len(delimiter) != 1:
        raise typer.BadParameter(f"{delimiter!r} is not one character", param_hint="--delimiter")
    if violations is not None and violations.suffix.lower() not in (".parquet", ".csv"):
        raise typer.BadParameter(f"{violations} is neither .parquet nor .csv", param_hint="--violations")
    from vertebra.workspace.check_data import rules_given

    wanted = rules_given(rules, [*(deny or ()), *(determines or ())], unique or ())
    reading = {"types": column_types(kind), "null": null or (), "all_text": all_text, "delimiter": delimiter}
    reading |= {"trim": trim}
    _check_data(_tables(data), wanted, reading, explain, violations, chosen, engine or "sail")


def _check_project(space: Workspace, datasets: Any, zone: str, explain: bool, form: Format) -> None:
    from vertebra.report.quality.terminal import write_check
    from vertebra.report.rule_plans import write_plans

    if zone not in DATASET_ZONES:
        raise typer.BadParameter(f"{zone!r} is not {' or '.join(DATASET_ZONES)}", param_hint="--zone")
    for warning in space.rule_warnings(datasets):
        print_note(str(warning))
    if explain:
        write_plans(space.rule_plans(datasets), form, sys.stdout)
        return
    found = space.check(datasets, zone)
    write_check(found.assessments, form, sys.stdout)
    if not found.ok:
        print_note(f"broken, and declared with on_violation: fail: {', '.join(found.failing)}")
        raise typer.Exit(1)


def _check_data(
    tables: Mapping[str, str],
    rules: Any,
    reading: Mapping[str, Any],
    explain: bool,
    violations: Path | None,
    form: Format,
    engine: str,
) -> None:
    import vertebra
    from vertebra.report.data_check import progress_on, write_data_check
    from vertebra.report.rule_plans import write_plans

    if explain:
        plans = vertebra.explain(tables, rules, types=reading["types"], delimiter=reading["delimiter"])
        write_plans(plans, form, sys.stdout)
        return
    with progress_on(sys.stderr) as progress:
        found = vertebra.check(tables, rules, **reading, engine=engine, progress=progress)
        written = found.write_violations(violations) if violations else 0
    write_data_check(found, form, sys.stdout, sys.stderr, violations)
    if violations:
        from vertebra.formatting import counted

        print_note(f"{violations}: {counted(written, 'violating row')}")
    found.close()
    if not found.ok:
        raise typer.Exit(1)


def _tables(given: list[str]) -> dict[str, str]:
    """``NAME=FILE`` and ``FILE``; a table without a name is named after its file."""
    tables: dict[str, str] = {}
    for text in given:
        name, equals, path = text.partition("=")
        named = equals and name.isidentifier() and not Path(text).exists()
        key, value = (name, path) if named else ("", text)
        if key in tables:
            raise typer.BadParameter(
                f"two are named {key}" if key else "several tables need names: flights=f.csv", param_hint="--data"
            )
        tables[key] = value
    if "" in tables and len(tables) > 1:
        raise typer.BadParameter("several tables need names: flights=f.csv", param_hint="--data")
    return tables


def column_types(given: Texts) -> dict[str, str]:
    """``zip=string``: types by column."""
    types = {}
    for text in given or ():
        column, equals, kind = text.rpartition("=")
        if not equals or not column or not kind:
            raise typer.BadParameter(f"{text!r} is not of the form column=type, e.g. zip=string", param_hint="--type")
        types[column] = kind
    return types


COMMANDS = {"check": check}
