-- One row per flight: what was scheduled, what happened and when it became known, with the weather at the scheduled
-- hour, the aircraft, the airline and both airports. Timestamps are UTC; columns ending in _local are not.
--
-- No join adds rows: each looks up at most one row, by a key that the row_number() below makes unique even if a
-- source repeats itself. Airports are golden records, which are unique by construction.

with weather_hour as (
  select * from (
    select *, row_number() over (partition by origin, time_hour order by _rid desc) as latest from trusted.weather
  ) where latest = 1
),

-- American, Envoy and JetBlue report fleet numbers that happen to be the registrations of private aircraft: N201AA is
-- a Cessna of 1959, N347AA a helicopter. An aircraft is believed when it could be an airliner: several jet or turboprop
-- engines, 20 seats or more, and no Gulfstream. (The registry gives JetBlue's Embraer 190, which has 100 seats, 20.)
aircraft as (
  select
    p.tailnum, p.year, p.type, m.canonical as manufacturer, p.model, p.engines, p.seats, p.engine,
    p.type = 'Fixed wing multi engine'
      and p.engine in ('Turbo-fan', 'Turbo-jet', 'Turbo-prop')
      and p.seats >= 20
      and m.canonical != 'GULFSTREAM' as plausible
  from (
    select *, row_number() over (partition by tailnum order by _rid desc) as latest from trusted.planes
  ) p
  left join exploitation.manufacturers_crosswalk m on m.raw = p.manufacturer
  where p.latest = 1
),

airline as (
  select carrier, name from (
    select *, row_number() over (partition by carrier order by _rid desc) as latest from trusted.airlines
  ) where latest = 1
),

-- Arrival is scheduled in the destination's time, which has a name and not an offset: Phoenix and Honolulu keep no
-- daylight saving time. A flight that would arrive before it departs arrives on the next day, which is not always 24
-- hours later.
flight as (
  select
    f.*,
    make_date(f.year, f.month, f.day) as flight_date,
    timestampadd(MINUTE, f.minute, f.time_hour) as sched_dep_at,
    cast(floor(f.sched_arr_time / 100) as int) % 24 as arr_hour, f.sched_arr_time % 100 as arr_minute,
    date_add(make_date(f.year, f.month, f.day), 1) as next_date,
    o.name as origin_name, o.city as origin_city, o.lat as origin_lat, o.lon as origin_lon, o.tz as origin_tz,
    o.elevation as origin_elevation,
    d.name as dest_name, d.city as dest_city, d.region as dest_region, d.country as dest_country, d.lat as dest_lat,
    d.lon as dest_lon, d.tz as dest_tz, d.elevation as dest_elevation, d.found_in as dest_found_in
  from trusted.flights f
  left join exploitation.airports o on o.faa = f.origin
  left join exploitation.airports d on d.faa = f.dest
),

arrival as (
  select
    *,
    make_timestamp(year, month, day, arr_hour, arr_minute, 0, dest_tz) as same_day,
    make_timestamp(year(next_date), month(next_date), day(next_date), arr_hour, arr_minute, 0, dest_tz) as next_day
  from flight
),

scheduled as (
  select *, case when same_day > sched_dep_at then same_day else next_day end as sched_arr_at from arrival
)

select
  -- the flight
  f._rid, f.carrier, a.name as airline, f.flight, f.tailnum, f.origin, f.dest, f.distance,
  f.flight_date, f.year, f.month, f.day, pmod(dayofweek(f.flight_date) + 5, 7) as weekday_local, f.hour as hour_local, f.minute,
  f.dep_time is null as cancelled,
  f.dep_time is not null and f.arr_delay is null as diverted,

  -- the schedule
  f.time_hour, f.sched_dep_at, f.sched_arr_at, f.sched_dep_time as sched_dep_local, f.sched_arr_time as sched_arr_local,
  cast((unix_timestamp(f.sched_arr_at) - unix_timestamp(f.sched_dep_at)) / 60 as int) as sched_minutes,

  -- what happened, and the moment from which it was known: a departure delay when the aircraft left, an arrival delay
  -- when it stood at the gate; never for a flight that was cancelled, or diverted
  f.dep_time as dep_local, f.arr_time as arr_local, f.dep_delay, f.arr_delay, f.air_time,
  timestampadd(MINUTE, f.dep_delay, f.sched_dep_at) as dep_known_at,
  timestampadd(MINUTE, f.arr_delay, f.sched_arr_at) as arr_known_at,

  -- the weather of the scheduled hour, known when the hour is over; NULL for the hours the station did not report
  w.time_hour is not null as weather_found, timestampadd(HOUR, 1, w.time_hour) as weather_known_at,
  w.temp, w.dewp, w.humid, w.wind_dir, w.wind_speed, w.wind_gust, w.precip, w.pressure, w.visib,

  -- the aircraft, when it is registered and could fly this route
  case when f.tailnum is null then 'no tail number'
       when p.tailnum is null then 'not registered'
       when p.plausible then 'registered'
       else 'not an airliner' end as aircraft_match,
  case when p.plausible then p.year end as aircraft_year,
  case when p.plausible then f.year - p.year end as aircraft_age,
  case when p.plausible then p.manufacturer end as aircraft_manufacturer,
  case when p.plausible then p.model end as aircraft_model,
  case when p.plausible then p.engines end as aircraft_engines,
  case when p.plausible then p.seats end as aircraft_seats,
  case when p.plausible then p.engine end as aircraft_engine,

  -- the airports
  f.origin_name, f.origin_city, f.origin_lat, f.origin_lon, f.origin_tz, f.origin_elevation,
  f.dest_name, f.dest_city, f.dest_region, f.dest_country, f.dest_lat, f.dest_lon, f.dest_tz, f.dest_elevation,
  f.dest_found_in
from scheduled f
left join airline a on a.carrier = f.carrier
left join weather_hour w on w.origin = f.origin and w.time_hour = f.time_hour
left join aircraft p on p.tailnum = f.tailnum
