"""Makes the bodies that the portals send, from a seed, with every trap that the real ones have.

What is made is always the same for the same seed and size. No line of it comes from a portal.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from standin.city import Neighbourhood, neighbourhoods

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TOWNS = ("Badalona", "L'Hospitalet de Llobregat", "Sabadell", "Mataró")


@dataclass
class Bodies:
    """What the portals have.

    Attributes:
        files: for each package of the CKAN portal, the files of its resources by name; None for one that is listed,
            and that the portal does not have.
        records: for each package, the records of its resources in the datastore by name; None as for files.
        listings: files of the folder with Idealista's answers, by name.
        lookups: files with the names of neighbourhoods, by name.
    """

    files: dict[str, dict[str, bytes | None]] = field(default_factory=dict)
    records: dict[str, dict[str, list[dict[str, Any]] | None]] = field(default_factory=dict)
    listings: dict[str, bytes] = field(default_factory=dict)
    lookups: dict[str, bytes] = field(default_factory=dict)


def generated(size: float = 1.0, seed: int = 20170817) -> Bodies:
    """The bodies of a made-up city.

    Args:
        size: 1 makes about as many records as the real portals have; smaller numbers are for tests.
        seed: of the random numbers.
    """
    city = neighbourhoods()
    made = Bodies()
    made.files[INCOME] = _income(city, Random(seed))
    made.records[UNEMPLOYMENT] = _unemployment(city, Random(seed + 1), size)
    made.files[REQUESTS] = _requests(city, Random(seed + 2), max(60, int(1500 * size)))
    made.files[RENTS] = _rents(city, Random(seed + 3))
    made.files[ACCIDENTS] = _accidents(city, Random(seed + 4), max(400, int(10_300 * size)))
    made.listings = _listings(city, Random(seed + 5), max(300, int(2_400 * size)), max(12, int(120 * size)))
    made.lookups = _lookups(city)
    return made


INCOME = "est-distribucio-territorial-renda-familiar"
UNEMPLOYMENT = "est-atur-sexe"
REQUESTS = "iris"
RENTS = "est-mercat-immobiliari-lloguer-mitja-mensual"
ACCIDENTS = "accidents-gu-bcn"


def csv_text(header: list[str], rows: list[list[Any]]) -> str:
    """CSV as the portals write it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _income(city: tuple[Neighbourhood, ...], random: Random) -> dict[str, bytes | None]:
    """Eleven years: headers drift, one year has a byte order mark, and people of no known neighbourhood have no index."""
    headers = {
        2007: ["Any", "Codi_Districte", "Nom_Districte", "Codi_Barri", "Nom_Barri", "Població", "Índex RFD Barcelona = 100"],
        2012: ["ANY", "CODI_DISTRICTE", "NOM_DISTRICTE", "CODI_BARRI", "NOM_BARRI", "POBLACIO", "Índex RFD Barcelona = 100"],
        2015: ["Any", "Codi districte", "Nom districte", "Codi barri", "Nom barri", "Població", "Índex RFD Barcelona = 100"],
    }  # fmt: skip
    people = {one.number: random.randint(2_000, 58_000) for one in city}
    found: dict[str, bytes | None] = {}
    for year in range(2007, 2018):
        header = headers[max(start for start in headers if start <= year)]
        rows: list[list[Any]] = []
        for one in city:
            people[one.number] = round(people[one.number] * random.uniform(0.98, 1.02))
            index = f"{100 * one.wealth * random.uniform(0.95, 1.05):.1f}"
            rows.append([year, one.district_number, one.district, one.number, one.name, people[one.number], index])
        rows.append([year, 99, "No consta", 99, "No consta", random.randint(200, 900), "-"])
        spelling = "Distribució" if year == 2017 else "Distribucio"
        text = csv_text(header, rows).encode("utf-8-sig" if year in (2010, 2014) else "utf-8")
        found[f"{year}_{spelling}_territorial_renda_familiar.csv"] = text
    return found


def _unemployment(
    city: tuple[Neighbourhood, ...], random: Random, size: float
) -> dict[str, list[dict[str, Any]] | None]:
    """A resource a year in the datastore; one year is gone, and a header loses its accent."""
    found: dict[str, list[dict[str, Any]] | None] = {}
    months = range(1, 13) if size >= 1 else (1, 7)
    for year in range(2011, 2024):
        name = f"{year}_atur_per_sexe.csv"
        if year == 2015:
            found[name] = None
            continue
        demand = "Demanda_ocupació" if year < 2019 else "Demanda_ocupacio"
        crisis = 1.4 if year in (2011, 2012, 2013, 2020) else 1.0
        rows: list[dict[str, Any]] = []
        for month in months:
            for one in city:
                for sex in ("Homes", "Dones"):
                    persons = round(900 * crisis / one.wealth * random.uniform(0.7, 1.3))
                    rows.append(
                        {
                            "_id": len(rows) + 1,
                            "Any": str(year),
                            "Mes": str(month),
                            "Codi_Districte": str(one.district_number),
                            "Nom_Districte": one.district,
                            "Codi_Barri": str(one.number),
                            "Nom_Barri": one.police if year > 2018 else one.name,
                            "Sexe": sex,
                            demand: "Atur registrat",
                            "Nombre": str(persons),
                        }
                    )
        found[name] = rows
    return found


REQUEST_KINDS = {
    "INCIDENCIA": (
        ("Neteja", "Contenidor ple a la vorera"),
        ("Enllumenat", "Fanal apagat de nit"),
        ("Clavegueram", "Mala olor"),
    ),
    "QUEIXA": (("Sorolls", "Molèsties de soroll a la via pública"), ("Transport", "Autobús que no passa")),
    "CONSULTA": (("Tràmits", "Certificat d'empadronament"), ("Aparcament", "Àrea verda de residents")),
    "AGRAÏMENT": (("Biblioteques", "Bon servei"),),
}
"""What citizens write about, by the kind of the request."""

SLOW_ELEMENTS = ("Clavegueram", "Sorolls", "Transport")
SLOW, FAST = (2, 9, 15, 20, 60), (0, 1, 2, 5, 9)
"""Days that a request is open."""


def _requests(city: tuple[Neighbourhood, ...], random: Random, number: int) -> dict[str, bytes | None]:
    """Requests of citizens by year: one year is in windows-1252, one answers 404, some are closed before they are opened."""
    header = [
        "FITXA_ID", "TIPUS", "AREA", "ELEMENT", "DETALL", "DIA_DATA_ALTA", "MES_DATA_ALTA", "ANY_DATA_ALTA",
        "DIA_DATA_TANCAMENT", "MES_DATA_TANCAMENT", "ANY_DATA_TANCAMENT", "CODI_DISTRICTE", "DISTRICTE", "CODI_BARRI",
        "BARRI", "LATITUD", "LONGITUD", "SUPORT",
    ]  # fmt: skip
    found: dict[str, bytes | None] = {}
    identifier = 0
    for year in range(2014, 2023):
        name = f"{year}_Peticions_ciutadanes.csv" if year < 2020 else f"{year}_IRIS_Peticions_Ciutadanes_OpenData.csv"
        if year == 2015:
            found[name] = None
            continue
        rows = []
        for _ in range(number):
            identifier += 1
            one, kind = random.choice(city), random.choices(list(REQUEST_KINDS), (55, 25, 15, 5))[0]
            element, detail = random.choice(REQUEST_KINDS[kind])
            opened = date(year, 1, 1) + timedelta(random.randrange(365))
            days = random.choice(SLOW if element in SLOW_ELEMENTS else FAST)
            closed = opened + timedelta(days if random.random() > 0.004 else -3)
            spelling = one.police if year >= 2019 else one.name
            where = (f"{one.latitude:.6f}", f"{one.longitude:.6f}") if random.random() > 0.03 else ("", "")
            rows.append(
                [
                    identifier,
                    kind,
                    "Serveis urbans",
                    element,
                    detail,
                    opened.day,
                    opened.month,
                    opened.year,
                    closed.day,
                    closed.month,
                    closed.year,
                    one.district_number,
                    one.district,
                    one.number,
                    spelling,
                    *where,
                    random.choice(("WEB", "TELÈFON", "EMAIL", "APP")),
                ]
            )
        encoding = {2016: "windows-1252", 2018: "utf-8-sig"}.get(year, "utf-8")
        found[name] = csv_text(header, rows).encode(encoding)
    return found


def _rents(city: tuple[Neighbourhood, ...], random: Random) -> dict[str, bytes | None]:
    """Mean rents by quarter, with names in English, without accents, and one misspelt."""
    found: dict[str, bytes | None] = {}
    for year in range(2014, 2023):
        rows: list[list[Any]] = []
        for quarter in range(1, 5):
            for one in city:
                rent = 620 * (0.6 + 0.4 * one.wealth) * (1 + 0.035 * (year - 2014)) * random.uniform(0.96, 1.04)
                area = random.uniform(55, 75)
                for measure, price in (
                    ("average rent (euro/month)", rent),
                    ("average rent per surface (euro/m2)", rent / area),
                ):
                    rows.append([year, quarter, one.district, one.in_rents, measure, f"{price:.2f}"])
        header = ["Year", "Trimester", "District", "Neighbourhood", "Average _rent", "Price"]
        found[f"{year}_lloguer_preu_trim.csv"] = csv_text(header, rows).encode()
    return found


def _accidents(city: tuple[Neighbourhood, ...], random: Random, number: int) -> dict[str, bytes | None]:
    """Accidents of 2017: ids padded with blanks, four recorded twice, months in English, places unknown."""
    header = [
        "Id", "DistrictName", "NeighborhoodName", "Street", "Weekday", "Month", "Day", "Hour", "Part of the day",
        "Mild injuries", "Serious injuries", "Victims", "Vehiclesinvolved", "Longitude", "Latitude",
    ]  # fmt: skip
    rows: list[list[Any]] = []
    for place in range(number):
        one, day = random.choice(city), date(2017, 1, 1) + timedelta(random.randrange(365))
        hour = random.choices(range(24), [2, 1, 1, 1, 1, 2, 4, 7, 9, 7, 6, 6, 7, 8, 8, 7, 7, 8, 8, 7, 6, 4, 3, 2])[0]
        vehicles = random.choices((1, 2, 3, 4), (18, 68, 11, 3))[0]
        risk = 0.008 + 0.05 * (hour < 6) + 0.03 * (vehicles == 1) + 0.01 * (day.weekday() > 4)
        serious, mild = int(random.random() < risk), random.choices((0, 1, 2, 3), (10, 70, 15, 5))[0]
        known = random.random() > 0.003
        part = "Night" if hour < 6 or hour > 21 else "Morning" if hour < 14 else "Afternoon"
        rows.append(
            [
                f"2017S{place + 1:06d}    ",
                one.district if known else "Unknown",
                one.police if known else "Unknown",
                f"{random.choice(('Aragó', 'Meridiana', 'Marina', 'Diagonal'))} {random.randrange(1, 600):<40}",
                WEEKDAYS[day.weekday()],
                MONTHS[day.month - 1],
                day.day,
                hour,
                part,
                mild,
                serious,
                mild + serious,
                vehicles,
                f"{one.longitude + random.uniform(-0.004, 0.004):.8f}",
                f"{one.latitude + random.uniform(-0.004, 0.004):.8f}",
            ]
        )
    rows += [list(rows[place]) for place in (3, 50, 120, 250)]
    return {"2017_accidents_gu_bcn.csv": csv_text(header, rows).encode()}


def _listings(city: tuple[Neighbourhood, ...], random: Random, number: int, days: int) -> dict[str, bytes]:
    """Answers of Idealista by day: dwellings repeat over days, some days are empty, other towns have an Eixample, too."""
    offered = []
    for place in range(number):
        one = random.choice([here for here in city if here.idealista])
        town = random.choice(TOWNS) if random.random() < 0.25 else "Barcelona"
        size = round(random.lognormvariate(4.4, 0.4))
        lift, kind = random.random() < 0.7, random.choices(("flat", "penthouse", "duplex", "studio"), (85, 6, 6, 3))[0]
        new = random.random() < 0.05
        per_m2 = 2_600 * (0.45 + 0.55 * one.wealth) * (1.12 if lift else 0.92) * (1.25 if kind == "penthouse" else 1)
        per_m2 *= (1.15 if new else 1) * random.lognormvariate(0, 0.14) * (90 / size) ** 0.08
        district = "Eixample" if town != "Barcelona" and random.random() < 0.8 else one.district
        listing: dict[str, Any] = {
            "propertyCode": str(80_000_000 + place * 613), "numPhotos": random.randint(1, 40),
            "floor": random.choice(("bj", "en", "1", "2", "3", "4", "5", "6")), "propertyType": kind,
            "operation": "sale", "size": float(size), "exterior": random.random() < 0.6,
            "rooms": max(0, round(size / 30)), "bathrooms": max(1, round(size / 60)), "province": "Barcelona",
            "municipality": town, "district": district.replace("-", " ") if "Horta" in district else district,
            "country": "es", "neighborhood": one.idealista if town == "Barcelona" else "Eixample",
            "latitude": round(one.latitude + random.uniform(-0.003, 0.003), 5),
            "longitude": round(one.longitude + random.uniform(-0.003, 0.003), 5),
            "distance": str(random.randint(50, 8_000)), "status": "newdevelopment" if new else random.choice(("good", "good", "renew")),
            "newDevelopment": new, "hasLift": lift,
        }  # fmt: skip
        if random.random() < 0.2:
            listing["parkingSpace"] = {"hasParkingSpace": True, "isParkingSpaceIncludedInPrice": random.random() < 0.7}
        offered.append((listing, per_m2))
    start = date(2020, 1, 2)
    found: dict[str, bytes] = {}
    for day in range(days):
        when = start + timedelta(round(day * 400 / days))
        name = f"{when:%Y_%m_%d}_idealista.json"
        if day % 40 == 9:
            found[name] = b"[]"
            continue
        answer = []
        for listing, per_m2 in random.sample(offered, min(len(offered), max(40, number * 3 // days))):
            price = round(per_m2 * listing["size"] * (1 - 0.02 * random.randrange(3)), -3)
            answer.append(listing | {"price": price, "priceByArea": round(price / listing["size"])})
        found[name] = json.dumps(answer, ensure_ascii=False, indent=1).encode()
    return found


def _lookups(city: tuple[Neighbourhood, ...]) -> dict[str, bytes]:
    """The names of districts and neighbourhoods, as Idealista and as the city write them."""
    header = ["district", "neighborhood"]
    theirs = {(one.district.replace("Horta-", "Horta "), one.idealista) for one in city if one.idealista}
    return {
        "idealista_names.csv": csv_text(header, [list(names) for names in sorted(theirs)]).encode(),
        "official_names.csv": csv_text(header, [[one.district, one.name] for one in city]).encode(),
    }


def weather(first: date, last: date, seed: int = 7) -> bytes:
    """The answer of Open-Meteo in CSV for some days: lines about the place come before the table."""
    lines = [
        "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation",
        "41.370823,2.1641064,12.0,3600,Europe/Madrid,GMT+1",
        "",
        "time,temperature_2m_mean (°C),precipitation_sum (mm),wind_speed_10m_max (km/h)",
    ]
    for number in range((last - first).days + 1):
        day = first + timedelta(number)
        random = Random(f"{seed}-{day}")
        warmth = 16 - 8 * (
            1 - min(abs(day.timetuple().tm_yday - 15), 366 - abs(day.timetuple().tm_yday - 15)) / 183 * 2
        )
        rain = round(random.expovariate(0.15), 1) if random.random() < 0.2 else 0.0
        lines.append(f"{day},{warmth + random.uniform(-3, 3):.1f},{rain:.2f},{random.uniform(8, 45):.1f}")
    return ("\n".join(lines) + "\n").encode()
