-- description: One row for each device and day, with the day's weather. A month of it is what the company reports.
-- tags: [meters]
select u.device, u.place, u.zone, u.day, u.begins, u.ends, u.kwh, u.kwh_filled, u.readings,
  w.temp_mean, w.temp_min, w.temp_max,
  greatest(0, 17 - w.temp_mean) as heating_degrees,
  greatest(0, w.temp_mean - 20) as cooling_degrees,
  dayofweek(u.day) in (1, 7) as weekend, month(u.day) as month
from exploitation.use_days u
left join exploitation.weather_days w on w.place = u.place and w.day = u.day
