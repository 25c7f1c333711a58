-- description: One row for each neighbourhood and year, with inhabitants, income, unemployed, rents, requests and accidents.
-- tags: [economy]
with
places as (
  select neighbourhood_id, min(neighbourhood) as neighbourhood, min(district) as district
  from trusted.income group by neighbourhood_id
),
unemployed as (
  select year, neighbourhood_id, sum(persons) / count(distinct month) as unemployed
  from trusted.unemployment group by year, neighbourhood_id
),
rented as (
  select r.year, x.canonical as neighbourhood,
         avg(case when r.measure = 'average rent (euro/month)' then r.price end) as rent,
         avg(case when r.measure != 'average rent (euro/month)' then r.price end) as rent_per_m2
  from trusted.rents r join exploitation.rent_names_crosswalk x on x.raw = r.neighbourhood
  group by r.year, x.canonical
),
asked as (
  select year_opened as year, neighbourhood_id, count(*) as requests
  from trusted.requests group by year_opened, neighbourhood_id
),
crashed as (
  select a.year, x.canonical as neighbourhood, count(*) as accidents, sum(a.victims) as victims
  from trusted.accidents a join exploitation.accident_names_crosswalk x on x.raw = a.neighbourhood
  group by a.year, x.canonical
),
years as (
  select year, neighbourhood_id from trusted.income
  union select year, neighbourhood_id from unemployed
  union select r.year, p.neighbourhood_id from rented r join places p on p.neighbourhood = r.neighbourhood
)
select y.year, y.neighbourhood_id, p.neighbourhood, p.district, i.population, i.income_index,
       u.unemployed, 1000 * u.unemployed / i.population as unemployed_per_1000, r.rent, r.rent_per_m2,
       q.requests, c.accidents, c.victims
from years y
join places p on p.neighbourhood_id = y.neighbourhood_id
left join trusted.income i on i.year = y.year and i.neighbourhood_id = y.neighbourhood_id
left join unemployed u on u.year = y.year and u.neighbourhood_id = y.neighbourhood_id
left join rented r on r.year = y.year and r.neighbourhood = p.neighbourhood
left join asked q on q.year = y.year and q.neighbourhood_id = y.neighbourhood_id
left join crashed c on c.year = y.year and c.neighbourhood = p.neighbourhood
