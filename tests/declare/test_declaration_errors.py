"""Each thing that can be wrong with a declaration: what is said, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vertebra.errors import DeclarationError, DeclarationErrors

Lines = Callable[[str], str]
FLIGHTS = "datasets/flights.yaml"
DEPARTURES = "views/departures.sql"


def test_a_sound_project_loads(project) -> None:
    loaded = project.load()
    assert list(loaded.datasets) == ["airlines", "flights"]
    assert loaded.datasets["flights"].columns["distance"].unit == "mile"
    assert loaded.views["departures"].inputs == ("trusted.airlines", "trusted.flights")
    assert loaded.lake == project.root.resolve() / "lake"


def test_an_unknown_key_is_told_with_the_nearest_known_one(project, lines: Lines) -> None:
    project.change(FLIGHTS, "on_violation: repair", "onviolation: repair")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:14:5: dataset flights: unknown key 'onviolation' in rules.route_distance
          cause: the keys here are deny, required, unique, range, values, matches, references, determines, rises, gap, gap_free, no_overlap, rows, fresh, sum, mean, distinct, description, on_violation, repair_method and 4 more
          next:  did you mean on_violation?
    """)


def test_a_mistyped_key_that_is_needed_is_told_once(project) -> None:
    told = project.change(FLIGHTS, "columns:", "colums:").only_wrong()
    assert told.startswith("datasets/flights.yaml:4:1: dataset flights: unknown key 'colums'")
    assert told.endswith("did you mean columns?")


def test_a_missing_key_is_told_where_it_belongs(project, lines: Lines) -> None:
    project.change(FLIGHTS, "{format: csv, null: [NA]}", "{null: [NA]}")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:3:8: dataset flights: parse needs 'format'
          next:  add `format: …`
    """)


def test_a_value_that_is_not_allowed_is_told_with_those_that_are(project, lines: Lines) -> None:
    project.change(FLIGHTS, "on_violation: repair", "on_violation: quarantaine")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:14:19: dataset flights: rules.route_distance.on_violation is 'quarantaine'
          cause: it is one of report, repair, quarantine, fail
          next:  did you mean quarantine?
    """)


def test_a_wrong_type_is_told_in_words(project, lines: Lines) -> None:
    project.change(FLIGHTS, "key: [carrier, flight]", "key: carrier")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:10:6: dataset flights: key is 'carrier', not a list
          next:  write [carrier]
    """)


def test_an_unknown_repair_method_is_refused_with_the_known_ones(project, lines: Lines) -> None:
    project.change(FLIGHTS, "on_violation: repair", "on_violation: repair\n    repair_method: majorty")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:15:20: rule route_distance of flights: there is no repair method 'majorty'
          cause: there are consistent, longest_chain, majority, set
          next:  did you mean majority?
    """)


@pytest.mark.parametrize(
    ("declared", "place", "fact"),
    [
        (
            "on_violation: repair\n    repair_method: set",
            "15:20",
            "does not say which tuple is repaired",
        ),
        ("on_violation: repair\n    set: {distance: null}", "15:10", "does not say which tuple is repaired"),
        ("on_violation: quarantine\n    role: u", "15:11", "names the role u, which it does not have"),
        ("on_violation: quarantine\n    role: s", "15:11", "has the role s, which is no different from the other one"),
        ("on_violation: report\n    repair_method: majority", "15:20", "has `repair_method` but repairs nothing"),
    ],
)
def test_a_rule_that_cannot_be_repaired_as_declared_is_refused(project, declared: str, place: str, fact: str) -> None:
    said = project.change(FLIGHTS, "on_violation: repair", declared).only_wrong()
    assert said.startswith(f"datasets/flights.yaml:{place}: rule route_distance of flights {fact}")
    assert "next:" in said


def test_a_column_whose_rule_does_not_say_how_to_repair_is_refused(project) -> None:
    said = project.change(
        FLIGHTS, "{type: int, unit: mile}", "{type: int, range: [1, 9], on_violation: repair}"
    ).only_wrong()
    assert said.startswith("datasets/flights.yaml:9:54: rule distance_range of flights does not say how to repair")


@pytest.mark.parametrize(("written", "remedy"), [("yes", "write true"), ("NO", "write false"), ("on", "write true")])
def test_only_true_and_false_are_booleans(project, written: str, remedy: str) -> None:
    told = project.change(FLIGHTS, "unit: mile", f"required: {written}").only_wrong()
    assert f"columns.distance.required is '{written}', not true or false" in told
    assert "yes, no, on and off are text" in told
    assert told.endswith(remedy)


def test_a_value_with_two_forms_is_judged_by_the_form_that_was_meant(project) -> None:
    rule = "determines: origin, dest -> distance"
    assert (
        "rules.route_distance.deny needs 'where'"
        in project.change(FLIGHTS, rule, "deny: {over: flights t}").only_wrong()
    )
    told = project.change(FLIGHTS, "deny: {over: flights t}", "deny: [t]").only_wrong()
    assert "rules.route_distance.deny is a list, not text or a mapping" in told


def test_a_key_written_twice_is_refused(project, lines: Lines) -> None:
    project.change(FLIGHTS, "  flight: int\n", "  flight: int\n  flight: string\n")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:7:3: the key 'flight' is written twice
          cause: it is already in line 6, and YAML would silently keep the last one
          next:  keep one of them
    """)


def test_a_column_that_is_not_a_name_gets_one(project, lines: Lines) -> None:
    project.change(FLIGHTS, "  flight: int", "  Flight No: int")
    told = project.wrong()[0]
    assert told == lines("""
        datasets/flights.yaml:6:3: dataset flights: 'Flight No' is not a name
          cause: a name begins with a lower-case letter and has only lower-case letters, digits and _
          next:  write flight_no and `source:` for the name in the payload
    """)


def test_an_unknown_column_in_the_key(project, lines: Lines) -> None:
    project.change(FLIGHTS, "key: [carrier, flight]", "key: [carrier, fligth]")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:10:16: dataset flights: key: flights has no column fligth
          cause: its columns are carrier, flight, origin, dest, distance
          next:  did you mean flight?
    """)


def test_an_unknown_column_in_a_rule(project, lines: Lines) -> None:
    project.change(FLIGHTS, "origin, dest ->", "orgin, dest ->")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:13:17: rule route_distance: flights has no column orgin
          cause: its columns are carrier, flight, origin, dest, distance
          next:  did you mean origin?
    """)


def test_a_rule_that_is_no_denial_constraint_keeps_its_caret(project, lines: Lines) -> None:
    project.change(FLIGHTS, "determines: origin, dest -> distance", "deny: t.distance > 3 or t.flight = 1")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:13:11: rule route_distance of flights: a rule cannot contain `or`
            t.distance > 3 or t.flight = 1
                           ^^
          cause: a denial constraint is a conjunction: all its predicates must be true at once
          next:  write two rules: `deny: t.distance > 3` and `deny: t.flight = 1`
    """)


def test_every_wrong_rule_of_a_dataset_is_told(project) -> None:
    project.change(FLIGHTS, "values: [EWR, JFK, LGA]", "matches: '(?=E)'")
    project.change(FLIGHTS, "determines: origin, dest -> distance", "deny: t.distanc > 3")
    places = [told.split(": ", 1)[0] for told in project.wrong()]
    assert places == ["datasets/flights.yaml:7:35", "datasets/flights.yaml:13:11"]


def test_two_rules_of_one_name_are_told_at_the_second(project) -> None:
    project.change(FLIGHTS, "route_distance:", "origin_values:")
    told = project.only_wrong()
    assert told.startswith("datasets/flights.yaml:12:3: dataset flights has two rules named origin_values")


@pytest.mark.parametrize(
    ("reference", "fact", "remedy"),
    [
        ("airline.carrier", "references airline, which is not a dataset", "did you mean airlines?"),
        ("airlines.carier", "references carier, which is not a column of airlines", "did you mean carrier?"),
    ],
)
def test_a_reference_that_leads_nowhere(project, reference: str, fact: str, remedy: str) -> None:
    told = project.change(FLIGHTS, "airlines.carrier", reference).only_wrong()
    assert told.startswith("datasets/flights.yaml:5:39: ")
    assert fact in told
    assert told.endswith(remedy)


def test_upsert_needs_a_key(project) -> None:
    told = project.change("datasets/airlines.yaml", "key: [carrier]", "load: upsert").only_wrong()
    assert told.startswith("datasets/airlines.yaml:7:7: dataset airlines is loaded by upsert and has no key")


@pytest.mark.parametrize(
    ("declared", "fact"),
    [
        ("deleted: by snapshot", "says what becomes of deleted rows, and is loaded by append"),
        ("load: upsert\ndeleted: {column: orgin}", "deleted: flights has no column orgin"),
        ("load: upsert\ndeleted: {column: dest}", "deleted: which values of dest mean that a record is deleted?"),
        ("load: upsert\ndeleted: {column: carrier, values: [X]}", "deleted: carrier is part of the key"),
        ("load: upsert\ndeleted: by_snapshot", "'by_snapshot' is not a way to notice deleted rows"),
    ],
)
def test_deleted_rows_that_cannot_be_noticed(project, declared: str, fact: str) -> None:
    told = project.change(FLIGHTS, "key: [carrier, flight]", f"key: [carrier, flight]\n{declared}").only_wrong()
    assert fact in told
    assert "next:" in told


@pytest.mark.parametrize(
    ("declared", "fact"),
    [
        ("shrink: 50 %", "limits how much snapshots may shrink, and its batches are not snapshots"),
        ("load: upsert\nshrink: 50 %", "unless `deleted: by snapshot` is declared"),
        ("load: snapshot\nshrink: 100 %", "shrink: 100 % refuses nothing"),
        ("load: snapshot\nshrink: 0.5", "'0.5' is not a percentage"),
    ],
)
def test_snapshots_that_cannot_be_compared(project, declared: str, fact: str) -> None:
    told = project.change(FLIGHTS, "key: [carrier, flight]", f"key: [carrier, flight]\n{declared}").only_wrong()
    assert fact in told


@pytest.mark.parametrize(
    ("source", "fact"),
    [
        ("collect: {from: sql, database: 'sqlite:///x', table: t, cursor: flight}", "since the last value"),
        (
            "collect: {from: files, path: data/flights.csv, deleted: retract}\nparse: {format: csv}",
            "retracts files that disappear",
        ),
    ],
)
def test_a_source_without_whole_snapshots_has_none_that_shrink(project, source: str, fact: str) -> None:
    project.change(FLIGHTS, "parse: {format: csv, null: [NA]}\n", "")
    project.change(FLIGHTS, "collect: {from: files, path: data/flights.csv}", f"{source}\nload: snapshot\nshrink: 9 %")
    assert fact in project.only_wrong()


def test_a_batch_of_changes_is_no_snapshot(project) -> None:
    source = (
        "collect: {from: sql, database: 'sqlite:///x', table: t, cursor: flight}\nload: upsert\ndeleted: by snapshot"
    )
    project.change(FLIGHTS, "collect: {from: files, path: data/flights.csv}", source)
    project.change(FLIGHTS, "parse: {format: csv, null: [NA]}\n", "")
    assert "collected since the last value, and says that each batch is a whole snapshot" in project.only_wrong()


def test_references_in_a_circle_are_shown_as_a_path(project, lines: Lines) -> None:
    project.change(
        "datasets/airlines.yaml", "  carrier: string", "  carrier: {type: string, references: flights.carrier}"
    )
    assert project.only_wrong() == lines("""
        datasets/airlines.yaml:5:39: these tables depend on each other: trusted.airlines → trusted.flights → trusted.airlines
          cause: each reads or references the next, so that none can be written first
          next:  remove one of the references, or split a view in two
    """)


def test_a_dataset_may_reference_itself(project) -> None:
    project.change("datasets/airlines.yaml", "  name: string", "  parent: {type: string, references: airlines.carrier}")
    project.write(DEPARTURES, "select * from trusted.airlines")
    project.load()


def test_a_view_over_an_undeclared_table(project, lines: Lines) -> None:
    project.change(DEPARTURES, "trusted.airlines", "trusted.airline")
    assert project.only_wrong() == lines("""
        views/departures.sql:1:48: view departures reads trusted.airline, which nothing declares
          cause: there are trusted.airlines, trusted.flights
          next:  did you mean trusted.airlines?
    """)


def test_a_view_names_tables_with_their_zone(project, lines: Lines) -> None:
    project.change(DEPARTURES, "trusted.airlines", "airlines")
    assert project.only_wrong() == lines("""
        views/departures.sql:1:48: a view cannot read airlines
            select f.*, a.name from trusted.flights f join airlines a on a.carrier = f.carrier
                                                           ^^^^^^^^
          cause: tables are named with their zone
          next:  write trusted.airlines or exploitation.airlines
    """)


def test_a_view_does_not_reach_behind_the_trusted_zone(project) -> None:
    told = project.change(DEPARTURES, "trusted.airlines", "formatted.airlines").only_wrong()
    assert "formatted data has not passed its quality rules" in told
    assert told.endswith("next:  write trusted.airlines")


def test_sql_that_does_not_parse(project, lines: Lines) -> None:
    project.write(DEPARTURES, "select *\nfrom trusted.flights f joi trusted.airlines a\n")
    assert project.only_wrong() == lines("""
        views/departures.sql:2:24: the SQL does not parse: invalid expression / Unexpected token
            from trusted.flights f joi trusted.airlines a
                                   ^^^
          next:  correct the view; it is SparkSQL
    """)


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("select 1; select 2", "the file has 2 statements"),
        ("", "the file has 0 statements"),
        ("drop table trusted.flights", "it is DROP, not SELECT"),
        ("insert into trusted.flights select * from trusted.flights", "it is INSERT, not SELECT"),
    ],
)
def test_a_view_is_one_query(project, sql: str, cause: str) -> None:
    told = project.write(DEPARTURES, sql).only_wrong()
    assert "a view is one query" in told
    assert cause in told


def test_views_in_a_circle_are_shown_as_a_path(project) -> None:
    for name, read in (("a", "b"), ("b", "c"), ("c", "a")):
        project.write(f"views/{name}.sql", f"select * from exploitation.{read}")
    told = project.only_wrong()
    assert told.startswith(
        "views/a.sql:1:15: these tables depend on each other: "
        "exploitation.a → exploitation.b → exploitation.c → exploitation.a\n"
    )


def test_one_name_is_declared_once(project) -> None:
    project.write(
        "views/departures.py", "from vertebra import view\n@view('trusted.flights')\ndef departures(f): ...\n"
    )
    told = project.only_wrong()
    assert told.startswith(
        "views/departures.sql: departures is declared twice\n  cause: the other declaration is views/departures.py"
    )


def test_two_declarations_do_not_write_one_table(project) -> None:
    project.write(
        "reconcile/names.yaml", "method: lookup\ntable: airlines\ncolumn: name\nvalues: {Delta: [Delta Inc.]}"
    )
    project.load()
    told = project.write("views/names_crosswalk.sql", "select 1 as one").only_wrong()
    assert told.startswith("views/names_crosswalk.sql:1:1: two declarations write exploitation.names_crosswalk")


def test_a_view_reads_what_a_reconciliation_writes(project) -> None:
    project.write(
        "reconcile/names.yaml", "method: lookup\ntable: airlines\ncolumn: name\nvalues: {Delta: [Delta Inc.]}"
    )
    project.write(DEPARTURES, "select * from exploitation.names_crosswalk")
    assert project.load().views["departures"].inputs == ("exploitation.names_crosswalk",)


def test_a_reconciliation_names_datasets_and_their_columns(project) -> None:
    text = "method: lookup\ntable: airlines\ncolumn: nam\nvalues: {Delta: [Delta Inc.]}"
    told = project.write("reconcile/names.yaml", text).only_wrong()
    assert told.startswith("reconcile/names.yaml:3:9: reconciliation names: airlines has no column nam\n")
    told = project.write("reconcile/names.yaml", text.replace("airlines", "airline")).only_wrong()
    assert told.startswith("reconcile/names.yaml:2:8: reconciliation names: there is no dataset airline\n")


def test_the_method_of_a_reconciliation_decides_which_keys_it_has(project, lines: Lines) -> None:
    project.write("reconcile/names.yaml", "method: loookup\ntable: airlines")
    assert project.only_wrong() == lines("""
        reconcile/names.yaml:1:9: reconciliation names: method is 'loookup'
          cause: it is one of entity_resolution, lookup
          next:  did you mean lookup?
    """)
    project.write("reconcile/names.yaml", "method: lookup\ntable: airlines\ncolumn: name\nvalue: {Delta: [Delta Inc.]}")
    assert project.only_wrong().startswith("reconcile/names.yaml:4:1: reconciliation names: unknown key 'value'\n")


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_files(project) -> None:
    project.write("vertebra.yaml", "name: flights\nengin: sail\n")
    project.change(FLIGHTS, "columns:", "colums:")
    project.change("datasets/airlines.yaml", "key: [carrier]", "key: [carier]")
    project.write("views/late.sql", "select * from flights")
    project.write("views/broken.py", "def broken(:\n")
    with pytest.raises(DeclarationErrors) as caught:
        project.load()
    text = str(caught.value).replace(f"{project.root}/", "")
    assert text.startswith("5 declarations are wrong\n\ndatasets/airlines.yaml:7:7: ")
    places = [error.where.replace(f"{project.root}/", "") for error in caught.value.errors]
    assert places == ["datasets/airlines.yaml:7:7", "datasets/flights.yaml:4:1", "vertebra.yaml:2:1", "views/broken.py:1:12", "views/late.sql:1:15"]  # fmt: skip
    assert isinstance(caught.value, DeclarationError)


def test_what_only_follows_from_another_error_is_not_told(project) -> None:
    """The view reads airlines and a rule references it; neither is wrong because airlines is."""
    told = project.change("datasets/airlines.yaml", "parse: {format: csv}", "parse: {format: xls}").only_wrong()
    assert told.startswith("datasets/airlines.yaml:3:17: dataset airlines: parse.format is 'xls'")


def test_an_empty_file_and_a_list_are_no_datasets(project) -> None:
    assert "dataset flights is empty" in project.write(FLIGHTS, "# later\n").only_wrong()
    assert "dataset flights is not a mapping of keys" in project.write(FLIGHTS, "- a\n").only_wrong()


def test_a_dataset_has_the_name_of_its_file(project, lines: Lines) -> None:
    project.change(FLIGHTS, "source: bts", "name: departures\nsource: bts")
    assert project.only_wrong() == lines("""
        datasets/flights.yaml:1:7: dataset flights: its name is written as 'departures'
          cause: the name of a declaration is the name of its file
          next:  remove `name:`, or rename the file
    """)


def test_a_file_whose_name_cannot_be_a_table_is_told_how_to_be_renamed(project) -> None:
    (project.root / FLIGHTS).rename(project.root / "datasets/My Flights.yaml")
    project.write(DEPARTURES, "select * from trusted.airlines")
    assert "next:  mv 'datasets/My Flights.yaml' datasets/my_flights.yaml" in project.only_wrong()


def test_a_file_that_is_not_utf_8_is_told_how_to_be_converted(project) -> None:
    (project.root / FLIGHTS).write_bytes(b"description: Barcel\xf3na\n")
    told = project.only_wrong()
    assert told.startswith("datasets/flights.yaml: this file is not UTF-8 text\n  cause: byte 19 is 0xf3\n")


def test_declarations_may_be_kept_in_folders_and_notes_beside_them(project) -> None:
    (project.root / "datasets/bts").mkdir()
    (project.root / FLIGHTS).rename(project.root / "datasets/bts/flights.yaml")
    project.write("datasets/_draft.yaml", "not: finished").write("datasets/notes.txt", "…")
    assert list(project.load().datasets) == ["airlines", "flights"]


def test_a_view_over_a_column_that_is_not_there(project, lines: Lines) -> None:
    project.change(DEPARTURES, "f.carrier", "f.carier")
    told = project.only_wrong()
    assert told.startswith("views/departures.sql:")
    assert "view departures: trusted.flights has no column carier" in told
    assert "^^^^^^" in told
    assert told.endswith("next:  did you mean carrier?")


def test_a_view_may_read_columns_that_drift_brings(project) -> None:
    project.change(FLIGHTS, "key: [carrier", "drift: evolve\nkey: [carrier")
    project.change(DEPARTURES, "f.carrier", "f.carier")
    project.load()
