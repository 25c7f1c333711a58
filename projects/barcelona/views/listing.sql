-- description: One row for each dwelling for sale in Barcelona, with the official neighbourhood, its income and its rents.
-- tags: [housing]
with
known as (
  select neighbourhood_id, neighbourhood, district,
         max_by(income_index, case when income_index is not null then year end) as income_index,
         max_by(population, case when population is not null then year end) as population,
         max_by(rent_per_m2, case when rent_per_m2 is not null and year < 2020 then year end) as rent_per_m2
  from exploitation.neighbourhood_year
  group by neighbourhood_id, neighbourhood, district
),
named as (
  -- what entity resolution matched; otherwise what a person declared
  select x.raw, coalesce(g.neighbourhood, x.canonical) as official
  from exploitation.listing_names_crosswalk x
  left join exploitation.neighbourhoods g
    on g.idealista = x.raw and g.found_in = 'both'
)
select l._rid, l.property_id, l.listed_on, l.property_type, l.price, l.price_per_m2, l.size, l.rooms, l.bathrooms,
       l.floor, l.exterior, l.has_lift, l.status, l.new_development, coalesce(l.parking, false) as parking,
       l.neighbourhood as idealista_neighbourhood, k.neighbourhood_id, k.neighbourhood, k.district,
       k.income_index, k.population, k.rent_per_m2, l.latitude, l.longitude
from trusted.listings l
left join named n on n.raw = l.neighbourhood
left join known k on k.neighbourhood = n.official
where l.municipality = 'Barcelona'
