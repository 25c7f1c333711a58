"""From formatted to exploitation as a careful person writes it in DuckDB SQL: clean, reconcile by code, join, aggregate.

It reads the formatted tables of a fresh lake (one version each), does the FD repair, the range rule, the reference
check and the two views, and writes Parquet. It keeps no ledgers and no history.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

CLEAN = """
CREATE TEMP TABLE usual AS
  SELECT origin, dest, arg_max(distance, n) AS distance
  FROM (SELECT origin, dest, distance, count(*) AS n FROM flights GROUP BY ALL) GROUP BY origin, dest;
CREATE TEMP VIEW clean_flights AS
  SELECT f.* REPLACE (coalesce(u.distance, f.distance) AS distance)
  FROM flights AS f LEFT JOIN usual AS u USING (origin, dest);
CREATE TEMP VIEW clean_weather AS
  SELECT * REPLACE (CASE WHEN wind_speed > 250 THEN NULL ELSE wind_speed END AS wind_speed) FROM weather;
CREATE TEMP TABLE places AS
  SELECT coalesce(a.faa, r.iata) AS code, coalesce(a.name, r.name) AS name, coalesce(a.lat, r.lat) AS lat,
         coalesce(a.lon, r.lon) AS lon
  FROM airports AS a FULL JOIN (SELECT DISTINCT ON (iata) * FROM airport_registry WHERE iata <> '') AS r ON a.faa = r.iata;
"""

CHECK = """
SELECT (SELECT count(*) FROM flights AS f ANTI JOIN airports AS a ON f.dest = a.faa) AS unknown_destinations,
       (SELECT count(*) FROM flights AS f ANTI JOIN planes AS p USING (tailnum) WHERE f.tailnum IS NOT NULL) AS unknown_tails,
       (SELECT count(*) FROM (SELECT 1 FROM flights GROUP BY carrier, flight, origin, time_hour HAVING count(*) > 1)) AS keys
"""

DEPARTURES = """
COPY (
  SELECT f.*, w.* EXCLUDE (_rid, origin, year, month, day, hour, time_hour), p.* EXCLUDE (_rid, tailnum, year, speed),
         p.year AS built, l.name AS airline, o.* EXCLUDE (code) RENAME (name AS origin_name, lat AS origin_lat, lon AS origin_lon),
         d.* EXCLUDE (code) RENAME (name AS dest_name, lat AS dest_lat, lon AS dest_lon),
         f.time_hour + to_minutes(f.minute) AS scheduled
  FROM clean_flights AS f
  LEFT JOIN clean_weather AS w ON f.origin = w.origin AND f.time_hour = w.time_hour
  LEFT JOIN planes AS p ON f.tailnum = p.tailnum
  LEFT JOIN airlines AS l ON f.carrier = l.carrier
  LEFT JOIN places AS o ON f.origin = o.code
  LEFT JOIN places AS d ON f.dest = d.code
) TO '{out}/departures.parquet' (COMPRESSION snappy)
"""

HOURS = """
COPY (
  SELECT origin, time_hour, count(*) AS departures, count(*) FILTER (dep_time IS NULL) AS cancelled,
         avg(dep_delay) AS mean_delay, any_value(temp) AS temp, any_value(wind_speed) AS wind_speed
  FROM '{out}/departures.parquet' GROUP BY origin, time_hour
) TO '{out}/airport_hours.parquet' (COMPRESSION snappy)
"""


def main(lake: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    for table in sorted((lake / "formatted").iterdir()):
        connection.execute(
            f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet('{table}/*/*.parquet', hive_partitioning = false)"
        )
    connection.execute(CLEAN)
    print(connection.execute(CHECK).fetchall())
    connection.execute(DEPARTURES.format(out=out))
    connection.execute(HOURS.format(out=out))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
