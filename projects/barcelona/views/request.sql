-- description: One row for each request of a citizen, with its words and the days that it was open.
-- tags: [city]
select _rid, year_opened as year, id, make_date(year_opened, month_opened, day_opened) as opened_on,
       datediff(make_date(year_closed, month_closed, day_closed), make_date(year_opened, month_opened, day_opened)) as days_open,
       kind, concat_ws(' ', area, element, detail) as words, channel, neighbourhood_id
from trusted.requests
