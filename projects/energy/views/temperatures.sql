-- description: Temperature by place and hour, with the time zone of the place.
-- tags: [weather]
select place, case place when 'illinois' then 'America/Chicago' else 'Europe/London' end as zone, at, temperature
from trusted.weather
