"""Tables that are made, and made dirty: what a method does to tables nobody tuned it to."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from benchmarks.cleaning.sets import CleaningSet

Value = str | None
Table = dict[str, list[Value]]
_SYLLABLES: Final = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "an", "el", "or")]


def made_sets(rows: int = 2000) -> list[CleaningSet]:
    """Each table with 2 % and 8 % of its cells wrong, in all ways, and one without dependencies."""
    found = []
    for number, make in enumerate((orders, sensors, staff, listings, catalogue, independent)):
        for share in (0.02, 0.08):
            clean = make(rows, random.Random(100 + number))
            dirty = dirtied(clean, share, random.Random(200 + number))
            found.append(CleaningSet(f"{make.__name__}_{share * 100:.0f}", dirty, clean))
    return found


def orders(rows: int, draw: random.Random) -> Table:
    """Customers and products in one flat table: two keys with dependants each, and amounts of their own."""
    states = {state: words(draw, 1) for state in distinct(draw, 12, code)}
    cities = {city: draw.choice(list(states)) for city in distinct(draw, 60, words)}
    zips = {str(draw.randrange(10000, 99999)): draw.choice(list(cities)) for _ in range(120)}
    customers = {number: (words(draw, 2), draw.choice(list(zips))) for number in distinct(draw, rows // 10, digits)}
    products = {
        f"P-{number}": (
            words(draw, 3),
            draw.choice(["tools", "garden", "kitchen", "office"]),
            f"{draw.uniform(1, 90):.2f}",
        )
        for number in distinct(draw, 80, digits)
    }
    table: list[dict[str, Value]] = []
    for number in range(rows):
        customer, product = skewed(draw, list(customers)), skewed(draw, list(products))
        name, postcode = customers[customer]
        title, category, price = products[product]
        city = zips[postcode]
        table.append({
            "order": str(50000 + number), "customer": customer, "name": name, "zip": postcode, "city": city,
            "state": cities[city], "state_name": states[cities[city]], "product": product, "title": title,
            "category": category, "price": price, "quantity": str(draw.randrange(1, 20)), "day": day(draw),
        })  # fmt: skip
    return columns(table)


def sensors(rows: int, draw: random.Random) -> Table:
    """Stations with a few attributes, and readings that depend on nothing; some cells are empty by nature."""
    stations = {
        number: (
            draw.choice(["north", "south", "east", "west"]),
            f"{draw.uniform(40, 43):.4f}",
            draw.choice(["a", "b", None]),
        )
        for number in distinct(draw, 40, code)
    }
    table: list[dict[str, Value]] = []
    for _ in range(rows):
        station = draw.choice(list(stations))
        region, latitude, note = stations[station]
        kind = draw.choice(["ozone", "nitrogen dioxide", "particles"])
        table.append({
            "station": station, "region": region, "latitude": latitude, "note": note, "kind": kind,
            "unit": "µg/m3" if kind != "ozone" else "ppb", "day": day(draw), "value": f"{draw.gauss(40, 12):.1f}",
            "valid": draw.choices(["yes", "no"], [9, 1])[0],
        })  # fmt: skip
    return columns(table)


def staff(rows: int, draw: random.Random) -> Table:
    """People with rare names; columns that go together often but not always."""
    departments = {words(draw, 2): (words(draw, 2), f"B{number}") for number in range(25)}
    titles = {words(draw, 2): f"G{draw.randrange(1, 9)}" for _ in range(40)}
    faithful = draw.choice([0.85, 0.93, 0.98])
    usual = {department: draw.sample(list(titles), 3) for department in departments}
    table: list[dict[str, Value]] = []
    for number in range(rows):
        department = skewed(draw, list(departments))
        manager, building = departments[department]
        title = draw.choice(usual[department]) if draw.random() < 0.8 else draw.choice(list(titles))
        table.append({
            "id": f"E{number:05}", "first": skewed(draw, _FIRST), "last": words(draw, 2), "department": department,
            "manager": manager, "building": building if draw.random() < faithful else f"B{draw.randrange(25)}",
            "title": title, "grade": titles[title], "married": draw.choice(["yes", "no"]), "since": day(draw),
        })  # fmt: skip
    return columns(table)


def listings(rows: int, draw: random.Random) -> Table:
    """The same things listed by several sources, in runs of 3 to 12 rows: small groups only."""
    table: list[dict[str, Value]] = []
    brands = distinct(draw, 90, words)
    while len(table) < rows:
        model, brand = f"{code(draw)}-{digits(draw)}", skewed(draw, brands)
        size, colour, year = (
            str(draw.randrange(10, 60)),
            draw.choice(["red", "blue", "black", "white"]),
            str(draw.randrange(1990, 2024)),
        )
        for _ in range(draw.randrange(3, 13)):
            table.append({
                "source": draw.choice(["alpha", "beta", "gamma", "delta", "omega"]), "model": model, "brand": brand,
                "size": size, "colour": colour, "year": year, "price": f"{draw.uniform(100, 900):.0f}",
            })  # fmt: skip
    return columns(table[:rows])


def catalogue(rows: int, draw: random.Random) -> Table:
    """Items of makers, many of which have one item only, in towns that several makers share."""
    towns = {town: draw.choice(["N", "S", "E", "W", "C"]) for town in distinct(draw, max(10, rows // 12), words)}
    makers = {words(draw, 2): (number, skewed(draw, list(towns))) for number in distinct(draw, rows // 4, digits)}
    names = list(makers)
    table: list[dict[str, Value]] = []
    for number in range(rows):
        maker = names[int(len(names) * draw.random() ** 3)]
        key, town = makers[maker]
        table.append({
            "item": str(number), "title": words(draw, 2), "maker": maker, "maker_id": key, "town": town,
            "area": towns[town], "kind": draw.choice(["x", "y", "z"]), "rating": str(draw.randrange(1, 6)),
            "branch": f"{key}-{town}",
        })  # fmt: skip
    return columns(table)


def independent(rows: int, draw: random.Random) -> Table:
    """Columns that say nothing about each other: nothing can be repaired from them."""
    kinds = [distinct(draw, size, words) for size in (3, 10, 40, 150)]
    table: list[dict[str, Value]] = [
        {f"c{number}": skewed(draw, kind) for number, kind in enumerate(kinds)} | {"n": str(draw.randrange(1000))}
        for _ in range(rows)
    ]
    return columns(table)


Way = Callable[[str, Sequence[Value], random.Random], Value]
"""Makes a wrong value of a right one, and of the column it is from."""


def dirtied(clean: Table, share: float, draw: random.Random, ways: Sequence[Way] | None = None) -> Table:
    """A copy of a table with some cells wrong.

    Args:
        share: of the cells that become wrong.
        ways: in which they do; by default slips, masks, values of other rows, empty cells and other writings.
    """
    ways = ways or [slip, slip, masked, other, emptied, rewritten]
    return {
        name: [
            draw.choice(ways)(value, column, draw) if value is not None and draw.random() < share else value
            for value in column
        ]
        for name, column in clean.items()
    }


def slip(value: str, column: Sequence[Value], draw: random.Random) -> Value:  # noqa: ARG001 - one of several ways
    """A character left out, doubled, changed, or exchanged with the next one."""
    place = draw.randrange(len(value))
    before, char, after = value[:place], value[place], value[place + 1 :]
    return draw.choice([
        before + after or char * 2, before + char * 2 + after, before + draw.choice(string.ascii_lowercase) + after,
        before + after[:1] + char + after[1:],
    ])  # fmt: skip


def masked(value: str, column: Sequence[Value], draw: random.Random) -> Value:  # noqa: ARG001 - one of several ways
    """Some characters replaced by another one."""
    mask = draw.choice("x#?")
    return "".join(mask if draw.random() < 0.15 else char for char in value)


def other(value: str, column: Sequence[Value], draw: random.Random) -> Value:  # noqa: ARG001 - one of several ways
    """The value of another row."""
    return draw.choice(column)


def emptied(value: str, column: Sequence[Value], draw: random.Random) -> Value:  # noqa: ARG001 - one of several ways
    """Nothing."""
    return None


def rewritten(value: str, column: Sequence[Value], draw: random.Random) -> Value:  # noqa: ARG001 - one of several ways
    """The same, written in another way."""
    return draw.choice([value.upper(), value + " ", f"  {value}", value.replace(" ", "_")])


def columns(rows: Sequence[dict[str, Value]]) -> Table:
    """Rows as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}


def skewed(draw: random.Random, values: Sequence[str]) -> str:
    """A value, the first ones more often."""
    return values[int(len(values) * draw.random() ** 1.7)]


def distinct(draw: random.Random, number: int, make: Callable[[random.Random], str]) -> list[str]:
    """Different values."""

    def stream() -> Iterator[str]:
        while True:
            yield make(draw)

    found: dict[str, None] = {}
    for value in stream():
        found[value] = None
        if len(found) == number:
            return list(found)
    raise AssertionError


def words(draw: random.Random, number: int = 1) -> str:
    """Words that can be pronounced."""
    return " ".join("".join(draw.choices(_SYLLABLES, k=draw.randrange(2, 4))) for _ in range(number))


def digits(draw: random.Random) -> str:
    """A number of five digits."""
    return str(draw.randrange(10000, 99999))


def code(draw: random.Random) -> str:
    """Two or three capital letters."""
    return "".join(draw.choices(string.ascii_uppercase, k=draw.randrange(2, 4)))


def day(draw: random.Random) -> str:
    """A date."""
    return f"20{draw.randrange(10, 24)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"


_FIRST: Final = [
    "Anna", "Ana", "Maria", "Marie", "Mario", "Jon", "John", "Joan", "Joana", "Eric", "Erik", "Erica", "Sara", "Sarah",
    "Carl", "Karl", "Carla", "Marc", "Mark", "Marta", "Martha", "Nils", "Niels", "Ole", "Olle", "Pau", "Paul", "Paula",
]  # fmt: skip
