"""Made tables with habits of a source that only a person can tell from what was meant: marks, lost zeros, other orders."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.cleaning.made import Table, Value, columns, distinct, skewed, slip, words
from benchmarks.cleaning.sets import CleaningSet

Habit = Callable[[str], Value]


def habits_sets(rows: int = 2000) -> list[CleaningSet]:
    """A table with 3 % and 10 % of its cells wrong, each column in a way of its own, and slips in names."""
    found = []
    for share in (0.03, 0.1):
        clean = people(rows, random.Random(301))
        dirty = spoilt(clean, share, random.Random(302))
        rules = ["t1&t2&EQ(t1.zip,t2.zip)&IQ(t1.city,t2.city)"]
        found.append(CleaningSet(f"habits_{share * 100:.0f}", dirty, clean, rules))
    return found


def people(rows: int, draw: random.Random) -> Table:
    """People with a name, a town, a code, a rate, a day and a phone number."""
    towns = {f"0{number}" if number < 10000 else str(number): words(draw, 2).upper()
             for number in draw.sample(range(1000, 99999), 150)}  # fmt: skip
    first = distinct(draw, 60, lambda one: words(one).capitalize())
    table: list[dict[str, Value]] = []
    for _ in range(rows):
        code = skewed(draw, list(towns))
        table.append({
            "name": skewed(draw, first), "zip": code, "city": towns[code], "rate": f"{draw.randrange(1, 99)}",
            "code": f"{draw.choice('ABC')}-{draw.randrange(100, 999)}",
            "born": f"{draw.randrange(1930, 2005)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}",
            "phone": f"{draw.randrange(200, 999)}-{draw.randrange(200, 999)}-{draw.randrange(1000, 9999)}",
            "plan": draw.choice(["basic", "family", "student"]),
        })  # fmt: skip
    return columns(table)


def spoilt(clean: Table, share: float, draw: random.Random) -> Table:
    """A copy with some cells of each column written by its habit."""
    habits: dict[str, Habit] = {
        "name": lambda text: slip(text, [], draw),
        "zip": lambda text: text.lstrip("0"),
        "city": lambda text: f"{text}-*",
        "rate": lambda text: f"{text} pc",
        "code": lambda text: text.replace("-", "/old/"),
        "born": lambda text: "{2}.{1}.{0}".format(*text.split("-")),
        "phone": lambda text: f"tel {text}",
        "plan": lambda text: f"plan_{text}",
    }
    return {
        name: [habits[name](text) if text is not None and draw.random() < share else text for text in column]
        for name, column in clean.items()
    }
