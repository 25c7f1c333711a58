"""What each type takes, what it refuses and why; the same on every engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from vertebra.errors import DeclarationError

REFUSED = object()

CASES: dict[str, tuple[dict[str, Any], dict[str | None, Any]]] = {
    "whole numbers": (
        {"type": "int"},
        {
            "5": 5, "+5": 5, "-5": -5, "007": 7, "5.0": 5, "5.": 5, " 5\t": 5, "\u00a05\ufeff": 5,
            "2147483647": 2147483647, "-2147483648": -2147483648, "NA": None, "": None, "  ": None, None: None,
            "5.5": REFUSED, "2147483648": REFUSED, "-2147483649": REFUSED, "1e3": REFUSED, "1,234": REFUSED, "٣": REFUSED,
            "0x10": REFUSED, "1_000": REFUSED, "-": REFUSED, ".": REFUSED, "5 5": REFUSED, "5L": REFUSED, "na": REFUSED,
            "9" * 60: REFUSED, "\x015": REFUSED,
        },
    ),
    "small numbers": ({"type": "tinyint"}, {"127": 127, "-128": -128, "128": REFUSED}),
    "large numbers": (
        {"type": "bigint"},
        {"9223372036854775807": 2**63 - 1, "-9223372036854775808": -(2**63), "9223372036854775808": REFUSED},
    ),
    "whole numbers with separators": (
        {"type": "int", "thousands": ".", "decimal": ","},
        {"1.234.567": 1234567, "1234567": 1234567, "12,0": 12, "1.23": REFUSED, "12.34.567": REFUSED, "1,5": REFUSED},
    ),
    "a marker that looks like a number": ({"type": "int", "null": ["-999"]}, {"-999": None, "-998": -998}),
    "doubles": (
        {"type": "double"},
        {
            "5": 5.0, ".5": 0.5, "5.": 5.0, "-1e-3": -0.001, "1E5": 100000.0, "1.7976931348623157e308": 1.7976931348623157e308,
            "10.357019999999999": 10.357019999999999, "9007199254740992": 2.0**53, "9007199254740993": REFUSED, "-9007199254740993.0": REFUSED,
            "123456789012345680000": REFUSED, "100000000000000000000": 1e20, "123456789012345678e3": 123456789012345678e3,
            "0.10000000000000001": 0.1, "0.12345678901234567890123": 0.12345678901234567890123, "000000000000000012": 12.0, "4.9e-324": 5e-324, "1e-999": 0.0,
            "1e999": REFUSED, "NaN": REFUSED, "inf": REFUSED, "-Infinity": REFUSED, "1f": REFUSED, "1d": REFUSED,
            "0x1p3": REFUSED, "1,5": REFUSED, ".": REFUSED, "e5": REFUSED, "1 5": REFUSED,
        },
    ),
    "floats": ({"type": "float"}, {
            "0.5": 0.5, "16777216": 16777216.0, "16777217": REFUSED, "1e39": REFUSED, "0.1": pytest.approx(0.1),
            "1234567.8": pytest.approx(1234567.75), "0.30000000000000004": REFUSED, "3.4028235e38": pytest.approx(3.4028235e38),
        }),
    "doubles with a decimal comma": (
        {"type": "double", "decimal": ",", "thousands": " "},
        {"1 234,5": 1234.5, "0,5": 0.5, "1.5": REFUSED, "1 23": REFUSED},
    ),
    "numbers with any apostrophe": (
        {"type": "double", "thousands": "'"},
        {"1'299.99": 1299.99, "1\u2019299.99": 1299.99, "1'299\u2019000": 1299000.0, "1'29": REFUSED, "1299": 1299.0},
    ),
    "numbers with any space": (
        {"type": "decimal(12,2)", "thousands": " ", "decimal": ","},
        {
            "1\u00a0299,99": Decimal("1299.99"), "1\u202f299,99": Decimal("1299.99"), "1\u2009299\u2009000": Decimal(1299000),
            "1 299": Decimal(1299), "1\u00a0299 000": Decimal(1299000), "1\u00a0 299": REFUSED, "1\u3000299": REFUSED,
        },
    ),
    "numbers with a narrow space": ({"type": "int", "thousands": "\u202f"}, {"1\u202f299": 1299, "1 299": REFUSED}),
    "decimals": (
        {"type": "decimal(5,2)"},
        {
            "5": Decimal("5.00"), ".5": Decimal("0.50"), "5.": Decimal("5.00"), "-0.10": Decimal("-0.10"),
            "5.250000": Decimal("5.25"), "999.99": Decimal("999.99"), "00000123.4": Decimal("123.40"), "0.000": Decimal("0.00"),
            "100": Decimal("100.00"), "-.0": Decimal("0.00"), "5." + "0" * 60: Decimal("5.00"),
            "5.255": REFUSED, "1000": REFUSED, "1e2": REFUSED, "NaN": REFUSED, ".": REFUSED, "-": REFUSED,
        },
    ),
    "decimals without a fraction": (
        {"type": "decimal(38,0)"},
        {"9" * 38: Decimal("9" * 38), "10": Decimal(10), "10.0": Decimal(10), "9" * 39: REFUSED, "0.1": REFUSED},
    ),
    "rounded whole numbers": (
        {"type": "int", "round": True},
        {
            "5.5": 6, "-5.5": -6, "5.49999": 5, "-.5": -1, ".4": 0, "2147483647.4": 2147483647, "2147483647.5": REFUSED, "5": 5,
            "5.": 5, "1e3": REFUSED, "x": REFUSED,
        },
    ),
    "rounded decimals": (
        {"type": "decimal(5,2)", "round": True, "thousands": ","},
        {
            "5.255": Decimal("5.26"), "5.254999999999": Decimal("5.25"), "-0.005": Decimal("-0.01"), "999.994": Decimal("999.99"),
            "999.995": REFUSED, "1,000.001": REFUSED, "0.0049": Decimal("0.00"), "5." + "4" * 60: Decimal("5.44"),
        },
    ),
    "rounded doubles": ({"type": "double", "round": True}, {"9007199254740993": 2.0**53, "1e999": REFUSED, "x": REFUSED}),
    "rounded floats": ({"type": "float", "round": True}, {"16777217": 16777216.0}),
    "rounded timestamps": (
        {"type": "timestamp", "round": True},
        {
            "2013-01-01T10:00:00.123456789Z": datetime(2013, 1, 1, 10, 0, 0, 123457, UTC),
            "2013-01-01T10:00:00.1234564Z": datetime(2013, 1, 1, 10, 0, 0, 123456, UTC),
            "2013-01-01 23:59:59.9999999": datetime(2013, 1, 2, tzinfo=UTC),
        },
    ),
    "booleans": (
        {"type": "boolean"},
        {"true": True, "T": True, "Yes": True, "1": True, "FALSE": False, "n": False, "0": False, "on": REFUSED, "2": REFUSED},
    ),
    "booleans as declared": (
        {"type": "boolean", "true_values": ["Sí"], "false_values": ["No", "-"]},
        {"SÍ": True, "no": False, "-": False, "true": REFUSED},
    ),
    "strings": (
        {"type": "string"},
        {
            " a b ": " a b ", "N14228": "N14228", "": "", "  ": "  ", "NA": None, " NA": " NA", "na": "na", "ñ\u00a0": "ñ\u00a0",
            "'": "'", "a\nb": "a\nb", None: None,
        },
    ),
    "trimmed strings": (
        {"type": "string", "trim": True},
        {" a b ": "a b", "ñ\u00a0": "ñ", "\u2003x\u3000": "x", "": None, "  ": None, "NA ": None, "a": "a"},
    ),
    "strings whose empty text means NULL": (
        {"type": "string", "null": ["", " - "]}, {"": None, "  ": "  ", " - ": None, "-": "-"},
    ),
    "dates": (
        {"type": "date"},
        {
            "2013-01-05": date(2013, 1, 5), "2012-02-29": date(2012, 2, 29), "0001-01-01": date(1, 1, 1),
            "9999-12-31": date(9999, 12, 31), "2013-01-05 00:00:00": date(2013, 1, 5), "2013-01-05T00:00:00.000": date(2013, 1, 5),
            "2013-02-29": REFUSED, "2013-13-01": REFUSED, "2013-1-5": REFUSED, "05/01/2013": REFUSED, "0000-01-01": REFUSED,
            "10000-01-01": REFUSED, "2013-01-05 10:00:00": REFUSED, "20130105": REFUSED, "1900-02-29": REFUSED,
        },
    ),
    "dates in a pattern": (
        {"type": "date", "format": "d/M/yyyy"},
        {"5/1/2013": date(2013, 1, 5), "05/01/2013": date(2013, 1, 5), "31/2/2013": REFUSED, "2013-01-05": REFUSED, "5/1/13": REFUSED},
    ),
    "dates with names of months": (
        {"type": "date", "format": "dd-MMM-yyyy"},
        {"05-JAN-2013": date(2013, 1, 5), "31-dec-2013": date(2013, 12, 31), "05-ENE-2013": REFUSED, "31-Sep-2013": REFUSED},
    ),
    "dates with long names of months": (
        {"type": "date", "format": "MMMM d, yyyy"},
        {"March 3, 2013": date(2013, 3, 3), "may 31, 2013": date(2013, 5, 31), "Mar 3, 2013": REFUSED},
    ),
    "months": ({"type": "date", "format": "yyyyMM"}, {"201305": date(2013, 5, 1), "201313": REFUSED}),
    "dates with the time cut off": (
        {"type": "date", "format": "M/d/yyyy h:mm:ss a"},
        {"1/5/2013 12:00:00 AM": date(2013, 1, 5), "1/5/2013 0:00:00 AM": REFUSED, "1/5/2013 9:30:00 PM": REFUSED},
    ),
    "dates with years of two digits": (
        {"type": "date", "format": "d.M.yy"},
        {"1.2.69": date(2069, 2, 1), "1.2.00": date(2000, 2, 1), "1.2.99": date(2099, 2, 1)},
    ),
    "dates with years of two digits since 1930": (
        {"type": "date", "format": "d.M.yy", "year_from": 1930},
        {"1.2.69": date(1969, 2, 1), "1.2.30": date(1930, 2, 1), "1.2.29": date(2029, 2, 1), "29.2.00": date(2000, 2, 29)},
    ),
    "dates whose time is cut off as declared": (
        {"type": "date", "format": "M/d/yyyy h:mm:ss a", "round": True}, {"1/5/2013 9:30:00 PM": date(2013, 1, 5)},
    ),
    "instants": (
        {"type": "timestamp"},
        {
            "2013-01-01T10:00:00Z": datetime(2013, 1, 1, 10, tzinfo=UTC), "2013-01-01 10:00:00": datetime(2013, 1, 1, 10, tzinfo=UTC),
            "2013-01-01T10:00:00+02:00": datetime(2013, 1, 1, 8, tzinfo=UTC), "2013-01-01 10:00-0530": datetime(2013, 1, 1, 15, 30, tzinfo=UTC),
            "2013-01-01T10:00:00.5Z": datetime(2013, 1, 1, 10, 0, 0, 500000, UTC), "2013-01-01": datetime(2013, 1, 1, tzinfo=UTC),
            "2013-01-01T10:00:00.123456789Z": REFUSED, "2013-01-01T10:00:00.123456000Z": datetime(2013, 1, 1, 10, 0, 0, 123456, UTC), "2013-01-01 10:00 +02": datetime(2013, 1, 1, 8, tzinfo=UTC),
            "2013-01-01T24:00:01Z": REFUSED, "2013-02-30T00:00:00Z": REFUSED, "2013-01-01T23:59:60Z": REFUSED,
            "2013-01-01T10:00:00-18:30": REFUSED, "0001-01-01T00:00:00+14:00": REFUSED, "9999-12-31T23:59:59-10:00": REFUSED,
            "2013-01-01 1:00": REFUSED, "1357034400": REFUSED, "yesterday": REFUSED, "2013-01-01T10:00:00 EST": REFUSED,
        },
    ),
    "local times": (
        {"type": "timestamp", "zone": "America/New_York"},
        {
            "2013-01-05 10:00:00": datetime(2013, 1, 5, 15, tzinfo=UTC), "2013-07-05 10:00:00": datetime(2013, 7, 5, 14, tzinfo=UTC),
            "2013-07-05 10:00:00Z": datetime(2013, 7, 5, 10, tzinfo=UTC), "2013-07-05T10:00:00+02": datetime(2013, 7, 5, 8, tzinfo=UTC),
            # clocks went back: it may be either of two hours
            "2013-11-03 01:30:00": REFUSED, "2013-11-03 02:00:00": datetime(2013, 11, 3, 7, tzinfo=UTC),
            # clocks went forward: the hour from 2 to 3 does not exist
            "2013-03-10 01:59:59": datetime(2013, 3, 10, 6, 59, 59, tzinfo=UTC), "2013-03-10 02:30:00": REFUSED,
            "2013-03-10 03:00:00": datetime(2013, 3, 10, 7, tzinfo=UTC), "2050-07-01": datetime(2050, 7, 1, 4, tzinfo=UTC),
            "2100-01-01 12:00": datetime(2100, 1, 1, 17, tzinfo=UTC), "2100-07-01": datetime(2100, 7, 1, 4, tzinfo=UTC),
            "2100-03-14 02:30": REFUSED, "2100-11-07 01:30": REFUSED, "9999-12-31": datetime(9999, 12, 31, 5, tzinfo=UTC),
            "9999-12-31 23:59:59": REFUSED, "2100-07-01T00:00:00Z": datetime(2100, 7, 1, tzinfo=UTC),
        },
    ),
    "timestamps in a pattern": (
        {"type": "timestamp", "format": "dd.MM.yy HH:mm[:ss][ X]", "zone": "Europe/Madrid"},
        {
            "05.07.13 10:30": datetime(2013, 7, 5, 8, 30, tzinfo=UTC), "05.07.13 10:30:15": datetime(2013, 7, 5, 8, 30, 15, tzinfo=UTC),
            "05.07.13 10:30 Z": datetime(2013, 7, 5, 10, 30, tzinfo=UTC), "31.03.13 02:30": REFUSED, "05.07.2013 10:30": REFUSED,
        },
    ),
    "clocks of twelve hours": (
        {"type": "timestamp", "format": "M/d/yyyy h:mm a"},
        {
            "1/5/2013 12:05 AM": datetime(2013, 1, 5, 0, 5, tzinfo=UTC), "1/5/2013 12:05 pm": datetime(2013, 1, 5, 12, 5, tzinfo=UTC),
            "1/5/2013 1:05 PM": datetime(2013, 1, 5, 13, 5, tzinfo=UTC), "1/5/2013 13:05 PM": REFUSED,
        },
    ),
    "compact timestamps": (
        {"type": "timestamp", "format": "yyyyMMdd'T'HHmmss.SSS"},
        {"20130105T101530.250": datetime(2013, 1, 5, 10, 15, 30, 250000, UTC), "20130105T101530": REFUSED},
    ),
    "converted units": (
        {"type": "double", "convert": {"from": "mph", "to": "km/h"}},
        {"0": 0.0, "1": 1.609344, "100": 160.9344, "x": REFUSED},
    ),
    "converted energy": (
        {"type": "double", "convert": {"from": "GJ", "to": "kWh"}},
        {"9.708984": 2696.94, "0.000036": 0.01, "-3.6": -1000.0},
    ),
    "converted temperatures": (
        {"type": "double", "convert": {"from": "degF", "to": "degC"}},
        {"32": pytest.approx(0, abs=1e-12), "212": pytest.approx(100)},
    ),
}  # fmt: skip


def test_each_type_takes_and_refuses_the_same_text_on_each_engine(
    declared: Callable, land: Callable, formatted: Callable, rows: Callable, rejected: Callable
) -> None:
    # every case is a column of one table, so that an engine starts once
    names = {case: f"c{number}" for number, case in enumerate(CASES)}
    height = max(len(cells) for _, cells in CASES.values())
    texts = {names[case]: [*cells, *[None] * (height - len(cells))] for case, (_, cells) in CASES.items()}
    land(1, texts)
    outcome = formatted(declared({names[case]: column for case, (column, _) in CASES.items()}))

    table, ledger = rows(), {(cell["record"], cell["column_name"]): cell for cell in rejected()}
    wrong = []
    for case, (column, cells) in CASES.items():
        for record, (text, expected) in enumerate(cells.items()):
            value, reject = table[record][names[case]], ledger.pop((record, names[case]), None)
            right = value is None and reject["raw"] == text if reject else value == expected
            if right and (expected is REFUSED) == (reject is not None):
                continue
            wrong.append((case, column, text, expected, value, reject))
    assert not wrong
    assert not ledger
    refused = sum(value is REFUSED for _, cells in CASES.values() for value in cells.values())
    assert outcome.facts.cells_rejected == refused


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ({"type": "int"}, "5.5", "has a fraction"),
        ({"type": "int"}, "3000000000", "is outside of int: -2,147,483,648 to 2,147,483,647"),
        ({"type": "int"}, "1,234", "thousands separators"),
        ({"type": "int"}, "1e5", "exponent"),
        ({"type": "int"}, "many", "is not a whole number"),
        ({"type": "double"}, "NaN", "is not a number; list it under null"),
        ({"type": "double"}, "3,5", "decimal comma"),
        ({"type": "decimal(5,2)"}, "1234", "more than 3 digits before the point"),
        ({"type": "decimal(5,2)"}, "1.234", "more than 2 digits after the point"),
        ({"type": "boolean"}, "maybe", "is neither true"),
        ({"type": "date"}, "2013-02-30", "is not a valid date"),
        ({"type": "date"}, "30/01/2013", "declare its format"),
        ({"type": "date", "format": "dd/MM/yyyy"}, "2013-01-30", "is not written dd/MM/yyyy"),
        ({"type": "timestamp", "zone": "Europe/Madrid"}, "2013-03-31 02:30:00", "the clocks were turned forward"),
    ],
)  # fmt: skip
def test_a_reject_says_why_in_words(
    column: dict, text: str, reason: str, declared: Callable, land: Callable, sail: Any, lake: Any, ledgers: Any,
    context: Callable, rejected: Callable,
) -> None:  # fmt: skip
    from vertebra.formatted.format import format_dataset

    land(1, {"a": [text]})
    format_dataset(declared({"a": column}), context("formatted.cells", engine=sail))
    (reject,) = rejected()
    assert reason in reject["reason"]
    assert (reject["raw"], reject["type"], reject["batch"], reject["record"]) == (text, column["type"], 1, 0)


def test_a_conversion_that_does_not_exist_is_an_error_of_the_declaration(
    declared: Callable, land: Callable, sail: Any, context: Callable
) -> None:
    from vertebra.formatted.format import format_dataset

    land(1, {"a": ["1"]})
    dataset = declared({"a": {"type": "double", "convert": {"from": "mph", "to": "kg"}}})
    with pytest.raises(DeclarationError, match="mph cannot be converted to kg"):
        format_dataset(dataset, context("formatted.cells", engine=sail))


def test_a_run_says_that_it_assumes_a_century(
    declared: Callable[..., Any], land: Callable[..., Any], formatted: Callable[..., Any]
) -> None:
    land(1, {"born": ["1.2.69"], "died": ["1.2.69"]})
    born, died = {"type": "date", "format": "d.M.yy"}, {"type": "date", "format": "d.M.yy", "year_from": 1930}
    assert formatted(declared({"born": born, "died": died})).facts.century_assumed == ("born",)
