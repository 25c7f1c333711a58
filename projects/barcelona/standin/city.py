"""The districts and neighbourhoods of Barcelona, and how each publisher writes them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

DISTRICTS = {
    "Ciutat Vella": ("el Raval", "el Barri Gòtic", "la Barceloneta", "Sant Pere, Santa Caterina i la Ribera"),
    "Eixample": (
        "el Fort Pienc", "la Sagrada Família", "la Dreta de l'Eixample", "l'Antiga Esquerra de l'Eixample",
        "la Nova Esquerra de l'Eixample", "Sant Antoni",
    ),
    "Sants-Montjuïc": (
        "el Poble Sec", "la Marina del Prat Vermell", "la Marina de Port", "la Font de la Guatlla", "Hostafrancs",
        "la Bordeta", "Sants - Badal", "Sants",
    ),
    "Les Corts": ("les Corts", "la Maternitat i Sant Ramon", "Pedralbes"),
    "Sarrià-Sant Gervasi": (
        "Vallvidrera, el Tibidabo i les Planes", "Sarrià", "les Tres Torres", "Sant Gervasi - la Bonanova",
        "Sant Gervasi - Galvany", "el Putxet i el Farró",
    ),
    "Gràcia": (
        "Vallcarca i els Penitents", "el Coll", "la Salut", "la Vila de Gràcia", "el Camp d'en Grassot i Gràcia Nova",
    ),
    "Horta-Guinardó": (
        "el Baix Guinardó", "Can Baró", "el Guinardó", "la Font d'en Fargues", "el Carmel", "la Teixonera",
        "Sant Genís dels Agudells", "Montbau", "la Vall d'Hebron", "la Clota", "Horta",
    ),
    "Nou Barris": (
        "Vilapicina i la Torre Llobeta", "Porta", "el Turó de la Peira", "Can Peguera", "la Guineueta", "Canyelles",
        "les Roquetes", "Verdun", "la Prosperitat", "la Trinitat Nova", "Torre Baró", "Ciutat Meridiana", "Vallbona",
    ),
    "Sant Andreu": (
        "la Trinitat Vella", "Baró de Viver", "el Bon Pastor", "Sant Andreu", "la Sagrera", "el Congrés i els Indians",
        "Navas",
    ),
    "Sant Martí": (
        "el Camp de l'Arpa del Clot", "el Clot", "el Parc i la Llacuna del Poblenou", "la Vila Olímpica del Poblenou",
        "el Poblenou", "Diagonal Mar i el Front Marítim del Poblenou", "el Besòs i el Maresme",
        "Provençals del Poblenou", "Sant Martí de Provençals", "la Verneda i la Pau",
    ),
}  # fmt: skip

JOINED = {
    "el Barri Gòtic": "El Gòtic",
    "la Vila de Gràcia": "Vila de Gràcia",
    "el Poble Sec": "El Poble Sec - Parc de Montjuïc",
    "la Marina de Port": "La Marina del Port",
    "Can Peguera": "Can Peguera - El Turó de la Peira",
    "el Turó de la Peira": "Can Peguera - El Turó de la Peira",
    "Ciutat Meridiana": "Ciutat Meridiana - Torre Baró - Vallbona",
    "Torre Baró": "Ciutat Meridiana - Torre Baró - Vallbona",
    "Vallbona": "Ciutat Meridiana - Torre Baró - Vallbona",
}
"""Neighbourhoods that Idealista calls otherwise, or does not tell apart."""

NOT_LISTED = (
    "la Clota",
    "Can Baró",
    "Montbau",
    "Canyelles",
    "Baró de Viver",
    "Verdun",
    "Sants - Badal",
    "la Trinitat Nova",
)
"""Neighbourhoods in which Idealista has no dwelling."""

MISSPELT = {
    "el Barri Gòtic": "Gothic Quarter",
    "Sant Martí de Provençals": "Sant Martíide Provencals",
    "el Poble Sec": "el Poble-sec",
    "la Sagrada Família": "Sagrada Familia",
    "el Fort Pienc": "Fort Pienc",
}
"""Neighbourhoods that the rent statistics write otherwise; all others are without accents."""


@dataclass(frozen=True)
class Neighbourhood:
    """A neighbourhood of the city.

    Attributes:
        number: the official one, 1 to 73.
        name: the official one.
        district: its name.
        district_number: 1 to 10.
        wealth: income, 1.0 is the mean of the city.
        latitude, longitude: of its centre.
    """

    number: int
    name: str
    district: str
    district_number: int
    wealth: float
    latitude: float
    longitude: float

    @property
    def idealista(self) -> str | None:
        """The name of Idealista; None if it has no dwelling there."""
        return None if self.name in NOT_LISTED else JOINED.get(self.name, self.name[0].upper() + self.name[1:])

    @property
    def in_rents(self) -> str:
        """The name in the rent statistics."""
        return MISSPELT.get(self.name, without_accents(self.name))

    @property
    def police(self) -> str:
        """The name in the records of accidents."""
        return "el Poble-sec" if self.name == "el Poble Sec" else self.name


def without_accents(text: str) -> str:
    """A text without the marks above and below its letters."""
    return "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))


def neighbourhoods() -> tuple[Neighbourhood, ...]:
    """The 73 neighbourhoods, in the order of their numbers."""
    wealth = (0.75, 1.15, 0.8, 1.8, 2.0, 1.05, 0.8, 0.55, 0.75, 0.9)
    found = []
    for district_number, (district, names) in enumerate(DISTRICTS.items(), 1):
        for place, name in enumerate(names):
            number = len(found) + 1
            spread = 1 + 0.25 * ((number * 37 % 11) / 5 - 1)
            latitude = 41.37 + 0.0085 * district_number + 0.0015 * (place % 4)
            longitude = 2.12 + 0.007 * (place % 8) + 0.002 * district_number
            found.append(
                Neighbourhood(
                    number, name, district, district_number, wealth[district_number - 1] * spread, latitude, longitude
                )
            )
    return tuple(found)
