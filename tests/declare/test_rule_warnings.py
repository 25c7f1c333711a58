"""Warnings about rules stand at the line where the rule is declared."""

from __future__ import annotations

from vertebra.declare.rule_review import rule_warnings
from vertebra.declare.rules import RuleOrigin, rules_of

FLIGHTS = "datasets/flights.yaml"


def warnings(project) -> list[str]:
    return [str(warning).replace(f"{project.root}/", "") for warning in rule_warnings(project.load())]


def test_a_rule_whose_name_begins_like_another_has_its_own_line(project) -> None:
    rules = "  city_rule:\n    deny: t.distance < 0\n  city_rule_three:\n    deny: t.distance < -5\n  route_distance:\n"
    project.change(FLIGHTS, "  route_distance:\n", rules)
    (warning,) = warnings(project)
    assert warning.startswith("warning: datasets/flights.yaml:14:3: rule city_rule_three is subsumed")


def test_a_column_whose_name_begins_like_a_rule_of_another_has_its_own_line(project) -> None:
    columns = "  dest: {type: int, range: [0, 9]}\n  dest_range: {type: int, range: [0, null]}\n"
    project.change(FLIGHTS, "  dest: string\n", columns)
    project.change(FLIGHTS, "  route_distance:\n", "  low:\n    deny: t.dest_range < 5\n  route_distance:\n")
    (warning,) = warnings(project)
    assert warning.startswith("warning: datasets/flights.yaml:9:27: rule dest_range_range is subsumed")


def test_a_rule_about_several_columns_has_one_line(project) -> None:
    project.change(FLIGHTS, "determines: origin, dest -> distance", "range: {distance: [1, null], flight: [1, null]}")
    project.change(FLIGHTS, "    on_violation: repair\n", "  low:\n    deny: t.flight < 5\n")
    (warning,) = warnings(project)
    assert warning.startswith("warning: datasets/flights.yaml:12:3: rule route_distance_flight is subsumed")


def test_a_key_has_the_line_of_the_key(project) -> None:
    project.change(FLIGHTS, "determines: origin, dest -> distance", "unique: carrier")
    project.change(FLIGHTS, "    on_violation: repair\n", "")
    (warning,) = warnings(project)
    assert warning.startswith("warning: datasets/flights.yaml:10:1: rule flights_key is subsumed")


def test_every_rule_knows_where_it_is_declared(project) -> None:
    project.change(FLIGHTS, "determines: origin, dest -> distance", "determines: origin, dest -> distance, flight")
    datasets = project.load().datasets
    assert {rule.name: rule.origin for rule in rules_of(datasets["flights"], datasets)} == {
        "flights_key": RuleOrigin(sugar="key"),
        "carrier_required": RuleOrigin(column="carrier", sugar="key"),
        "flight_required": RuleOrigin(column="flight", sugar="key"),
        "carrier_references_airlines": RuleOrigin(column="carrier", sugar="references"),
        "origin_values": RuleOrigin(column="origin", sugar="values"),
        "route_distance_distance": RuleOrigin(rule="route_distance", sugar="determines"),
        "route_distance_flight": RuleOrigin(rule="route_distance", sugar="determines"),
    }


def test_under_a_profile_the_file_is_that_of_the_overlay(project) -> None:
    project.write("vertebra.yaml", "name: flights\nprofiles: {live: {overlay: live}}\n")
    text = (project.root / FLIGHTS).read_text()
    rules = "rules:\n  short:\n    deny: t.distance < 0\n  shorter:\n    deny: t.distance < -5\n"
    project.write("live/datasets/flights.yaml", text.partition("rules:\n")[0] + rules)
    (warning,) = [str(one).replace(f"{project.root}/", "") for one in rule_warnings(project.load(profile="live"))]
    assert warning.startswith("warning: live/datasets/flights.yaml:14:3: rule shorter is subsumed")
