"""Collect files from the web, with an address that may contain periods and lists of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field, model_validator

from vertebra.declare.web_source import UrlTemplateSource, refuse_secret_parameters
from vertebra.landing.parsing.format import format_named
from vertebra.landing.port import Collector, Item, Payload, Request, Unchanged
from vertebra.landing.web.content import check_answer
from vertebra.landing.web.pages import numbered_files
from vertebra.landing.web.read import client_for, collect_targets
from vertebra.landing.web.targets import Target, file_name, targets

if TYPE_CHECKING:
    from collections.abc import Iterator


class Http(UrlTemplateSource):
    """Files at an address, one for each period and combination of values.

    Attributes:
        begins: how the text of a correct answer begins, e.g. its header line; any other answer is refused.
    """

    begins: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _no_secrets(self) -> Http:
        refuse_secret_parameters(self.url, self.params)
        return self


class HttpCollector(Collector):
    """``from: http``: each address is a file, and each file a batch.

    A file that has not changed is not downloaded again if the host has its ETag or Last-Modified.
    """

    name = "http"
    declaration = Http
    example = """\
source: bts
collect:
  from: http
  url: https://transtats.bts.gov/PREZIP/On_Time_Reporting_Carrier_On_Time_Performance_1987_present_{period:%Y}_{period:%-m}.zip
  member: "*.csv"
  periods: {unit: month, from: 2013-01, lag: 60 days}
  every: "@monthly"
parse: {format: csv}
columns:
  flight_date: {type: date, source: FlightDate}
  origin: {type: string, source: Origin}
"""

    def collect(self, request: Request) -> Iterator[Item]:
        """Give one payload for each period and combination of values that is due.

        Raises:
            CollectError: the host cannot be reached.
        """
        source = request.declared(Http)
        wanted = format_named(request.dataset.parse.format)
        next_file = numbered_files(request.staging, "download")
        with client_for(source, source.url, request) as client:

            def one(target: Target) -> Iterator[Item]:
                request.progress(f"reading {target.url}")
                client.start_deadline()
                answer = client.fetch(target.url, next_file(), validators=target.validators)
                if answer is None:
                    yield Unchanged(target.url)
                    return
                check_answer(answer, wanted, source.begins)
                name = file_name(target.url, request.dataset)
                yield Payload(answer.file, target.url, target.period, answer.headers, part=target.part, file_name=name)

            yield from collect_targets(targets(source, request), request, one)


COLLECTOR: Final = HttpCollector()
