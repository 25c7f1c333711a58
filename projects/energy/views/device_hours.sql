-- description: One row for each device and hour, with the temperature of the hour.
-- tags: [meters]
select u.device, u.place, u.begins, u.ends, u.kwh, w.temperature,
  hour(from_utc_timestamp(u.begins, u.zone)) as hour, weekday(from_utc_timestamp(u.begins, u.zone)) as weekday
from exploitation.use_hours u
left join exploitation.temperatures w on w.place = u.place and w.at = u.begins
