-- description: The readings of all devices, in kWh. A counter begins at 0 again at its modulo.
-- tags: [meters]
select device, 'illinois' as place, 'America/Chicago' as zone, read_at, counter,
  case device when 'W-101' then 10000D else 20000D end as modulo
from trusted.loggers
union all
select device, 'illinois', 'America/Chicago', read_at, counter, case device when '4711' then 1000D else 100000D end
from trusted.meters
union all
select device, 'england', 'Europe/London', read_at, counter, 1000000D
from trusted.probes
