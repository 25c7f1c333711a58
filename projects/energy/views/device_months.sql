-- description: Use of each device and month. Days without a figure are counted, not guessed.
-- tags: [meters]
select device, place, cast(trunc(day, 'MONTH') as date) as month, count(*) as days, count(kwh) as known_days,
  sum(kwh) as kwh, sum(heating_degrees) as heating_degrees, avg(temp_mean) as temp_mean
from exploitation.device_days
group by device, place, trunc(day, 'MONTH')
