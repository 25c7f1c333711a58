-- description: One row for each accident, with its time, the weather of its day and the income of its neighbourhood.
-- tags: [traffic]
with
months as (
  select * from values
    ('January', 1), ('February', 2), ('March', 3), ('April', 4), ('May', 5), ('June', 6), ('July', 7), ('August', 8),
    ('September', 9), ('October', 10), ('November', 11), ('December', 12), ('Gener', 1), ('Febrer', 2), ('Març', 3),
    ('Abril', 4), ('Maig', 5), ('Juny', 6), ('Juliol', 7), ('Agost', 8), ('Setembre', 9), ('Octubre', 10),
    ('Novembre', 11), ('Desembre', 12) as t(name, number)
),
dated as (
  select a.*, make_date(a.year, m.number, a.day) as happened_on
  from trusted.accidents a left join months m on m.name = a.month
)
select a._rid, a.id, a.happened_on,
       to_timestamp(concat(cast(a.happened_on as string), ' ', lpad(cast(a.hour as string), 2, '0')), 'yyyy-MM-dd HH') as happened_at,
       a.weekday, a.hour, a.vehicles, a.mild, a.serious, a.victims, n.neighbourhood_id, x.canonical as neighbourhood,
       a.district, n.income_index, w.temperature, w.rain, w.wind, a.latitude, a.longitude
from dated a
left join exploitation.accident_names_crosswalk x on x.raw = a.neighbourhood
left join exploitation.neighbourhood_year n on n.neighbourhood = x.canonical and n.year = a.year
left join trusted.weather w on w.day = a.happened_on
