"""The command that checks tables of a project, or any data, against denial constraints, and writes to no lake."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vertebra.cli.options import HERE, EngineName, Profile, Root, Shape, known_dataset, opened, say, shape
from vertebra.zones import DATASET_ZONES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vertebra.report.rows import Format

Texts = list[str] | None


def check(
    datasets: Annotated[Texts, typer.Argument(help="Datasets of the project; none means all.")] = None,
    zone: Annotated[str, typer.Option("--zone", help="formatted (before cleaning) or trusted (after).")] = "formatted",
    explain: Annotated[
        bool, typer.Option("--explain", help="Say how each rule would be checked, and what it shares; check nothing.")
    ] = False,
    data: Annotated[
        Texts, typer.Option("--data", "-d", help="Without a project: FILE, 'PATTERN', a Delta folder, or NAME=FILE.")
    ] = None,
    deny: Annotated[Texts, typer.Option("--deny", help="A denial constraint, in any notation; repeatable.")] = None,
    unique: Annotated[Texts, typer.Option("--unique", help="Columns that identify a row: 'origin, time_hour'.")] = None,
    determines: Annotated[
        Texts, typer.Option("--determines", help="A functional dependency: 'origin, dest -> distance'.")
    ] = None,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="YAML as a dataset's rules, or one rule a line.", show_default=False)
    ] = None,
    violations: Annotated[
        Path | None, typer.Option("--violations", help="Write violating rows: .parquet or .csv.", show_default=False)
    ] = None,
    kind: Annotated[Texts, typer.Option("--type", help="The type of a column: zip=string; repeatable.")] = None,
    null: Annotated[Texts, typer.Option("--null", help="A text of CSV files that means NULL: NA; repeatable.")] = None,
    all_text: Annotated[bool, typer.Option("--all-text", help="Read every column of CSV files as text.")] = False,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="Of CSV files; else found in the header.", show_default=False)
    ] = None,
    form: Shape = "table",
    project: Root = HERE,
    profile: Profile = None,
    engine: EngineName = None,
) -> None:
    """Check tables, or any data, against rules, and write nothing: to try a rule before a run.

    In a project, exits with 1 when a rule declared with on_violation: fail is broken; with --data, when any rule is.

    \b
    vertebra check
    vertebra check flights --zone trusted --format json
    vertebra check flights --explain
    vertebra check --data flights.csv --deny "t.distance <= 0" --determines "origin, dest -> distance"
    vertebra check --data '2013/*.parquet' --rules rules.yaml --violations violations.parquet
    vertebra check -d f=flights.csv -d p=planes.parquet --deny "f t, p s: t.tailnum = s.tailnum and s.seats < 9"
    """
    chosen = shape(form)
    given = {"--deny": deny, "--unique": unique, "--determines": determines, "--rules": rules,
             "--violations": violations, "--type": kind, "--null": null, "--delimiter": delimiter}  # fmt: skip
    if data is None:
        unused = next((option for option, value in given.items() if value), "--all-text" if all_text else None)
        if unused:
            raise typer.BadParameter(
                "it needs --data; the rules of a project are in datasets/*.yaml", param_hint=unused
            )
        _check_project(datasets, zone, explain, chosen, project, profile, engine)
        return
    if datasets:
        raise typer.BadParameter(f"either datasets of a project, or --data: {' '.join(datasets)}", param_hint="--data")
    asked = _rules(deny, unique, determines, rules)
    if not asked:
        raise typer.BadParameter("say which: --deny, --unique, --determines or --rules", param_hint="--data")
    if delimiter is not None and len(delimiter) != 1:
        raise typer.BadParameter(f"{delimiter!r} is not one character", param_hint="--delimiter")
    if violations is not None and violations.suffix.lower() not in (".parquet", ".csv"):
        raise typer.BadParameter(f"{violations} is neither .parquet nor .csv", param_hint="--violations")
    reading = {"types": column_types(kind), "null": null or (), "all_text": all_text, "delimiter": delimiter}
    _check_data(_tables(data), asked, reading, explain, violations, chosen, engine or "sail")


def _check_project(
    datasets: Texts, zone: str, explain: bool, form: Format, root: Path, profile: str | None, engine: str | None
) -> None:
    from vertebra.declare.rule_review import rule_warnings
    from vertebra.report.quality.terminal import failing, write_check
    from vertebra.report.rule_plans import write_plans
    from vertebra.workspace.check import check as check_tables
    from vertebra.workspace.check import explain as explain_tables

    if zone not in DATASET_ZONES:
        raise typer.BadParameter(f"{zone!r} is not {' or '.join(DATASET_ZONES)}", param_hint="--zone")
    with opened(root, profile, engine) as space:
        names = [known_dataset(space, name) for name in datasets or space.project.datasets]
        for warning in rule_warnings(space.project, names):
            say(str(warning))
        if explain:
            write_plans(explain_tables(space, names), form, sys.stdout)
            return
        found = check_tables(space, names, zone)
    write_check(found, form, sys.stdout)
    broken = failing(space, found)
    if broken:
        say(f"broken, and declared with on_violation: fail: {', '.join(broken)}")
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
    from vertebra.report.data_check import telling, write_data_check
    from vertebra.report.rule_plans import write_plans
    from vertebra.workspace.check_data import check as check_data
    from vertebra.workspace.check_data import explain_data

    if explain:
        plans = explain_data(tables, rules, types=reading["types"], delimiter=reading["delimiter"])
        write_plans(plans, form, sys.stdout)
        return
    with telling(sys.stderr) as tell:
        found = check_data(tables, rules, **reading, engine=engine, tell=tell)
        written = found.write_violations(violations) if violations else 0
    write_data_check(found, form, sys.stdout, sys.stderr, violations)
    if violations:
        say(f"{violations}: {written:,} violating rows")
    found.close()
    if not found.ok:
        raise typer.Exit(1)


def _tables(given: list[str]) -> dict[str, str]:
    """``NAME=FILE`` and ``FILE``; a table without a name has the file's."""
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


def _rules(deny: Texts, unique: Texts, determines: Texts, file: Path | None) -> Any:
    from vertebra.declare.dataset import Rule
    from vertebra.declare.standalone_rules import StandaloneRule, standalone_rules

    found: list[StandaloneRule] = list(standalone_rules(file)) if file else []
    texts = [*(deny or ()), *(determines or ())]
    found += standalone_rules(texts, "deny") if texts else ()
    for columns in unique or ():
        listed = tuple(part.strip() for part in columns.split(","))
        found.append(StandaloneRule("unique_" + "_".join(listed), Rule.model_validate({"unique": listed})))
    return tuple(found)


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
