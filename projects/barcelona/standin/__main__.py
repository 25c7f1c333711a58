"""Runs a command of Vertebra on this project against the stand-in.

    python -m standin                     # vertebra run --profile standin
    python -m standin --size 0.1 plan
    python -m standin --bodies FOLDER     # replay saved bodies, where the folder has them

Run it in the folder of the project.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from standin.bodies import Bodies, generated
from standin.replay import replayed
from standin.server import serving

PROJECT = Path(__file__).resolve().parents[1]


def environment(address: str, bodies: Bodies, folder: Path) -> dict[str, str]:
    """The variables that point the sources of the project at the stand-in.

    Args:
        address: of the host.
        folder: receives the files of the project that no portal serves.
    """
    for name, files in (("listings", bodies.listings), ("lookup", bodies.lookups)):
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        for old in place.iterdir():
            if old.name not in files:
                old.unlink()
        for file, body in files.items():
            if not (place / file).is_file() or (place / file).read_bytes() != body:
                (place / file).write_bytes(body)
    return {
        "OPEN_DATA_BCN": f"{address}/data",
        "OPEN_DATA_BCN_RATE": "200",
        "OPEN_METEO": address,
        "IDEALISTA_FOLDER": str(folder / "listings"),
        "LOOKUP_FOLDER": str(folder / "lookup"),
    }


def main() -> int:
    """Serve the bodies, and run the command."""
    parser = argparse.ArgumentParser(prog="python -m standin", description=__doc__)
    parser.add_argument(
        "--size", type=float, default=1.0, help="how many records to make; 1 is as many as the portals have"
    )
    parser.add_argument("--bodies", type=Path, help="folder with saved bodies")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="a command of Vertebra; run unless given")
    given = parser.parse_args()
    bodies = generated(given.size)
    if given.bodies is not None and given.bodies.is_dir():
        bodies = replayed(given.bodies, bodies)
    command = given.command or ["run"]
    with serving(bodies) as address:
        variables = environment(address, bodies, PROJECT / ".standin")
        whole = [sys.executable, "-m", "vertebra", *command, "--profile", "standin"]
        return subprocess.run(whole, cwd=PROJECT, env={**os.environ, **variables}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
