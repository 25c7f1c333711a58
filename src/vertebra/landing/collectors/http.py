"""Collect files from the web, by an address that may have periods and lists of values in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.declare.collect import Http
from vertebra.landing.port import Item, Payload, Request, Unchanged
from vertebra.landing.web.content import check_answer
from vertebra.landing.web.pages import numbered
from vertebra.landing.web.read import client_for, each
from vertebra.landing.web.targets import Target, file_name, targets

if TYPE_CHECKING:
    from collections.abc import Iterator


class HttpCollector:
    """``from: http``: each address is a file, and each file a batch.

    What is landed is not transferred again where the host can tell (ETag, Last-Modified).
    """

    @property
    def version(self) -> str:
        """Kind and version, for receipts."""
        return "http/1"

    def collect(self, request: Request) -> Iterator[Item]:
        """Give one payload for each period and combination of values that is due.

        Raises:
            CollectError: the host is not there.
        """
        source = request.declared(Http)
        form = request.dataset.parse.format
        next_file = numbered(request.staging, "download")
        with client_for(source, source.url, request) as client:

            def one(target: Target) -> Iterator[Item]:
                request.progress(f"reading {target.url}")
                client.begin()
                answer = client.fetch(target.url, next_file(), landed=target.conditions)
                if answer is None:
                    yield Unchanged(target.url)
                    return
                check_answer(answer, form, source.begins)
                name = file_name(target.url, request.dataset)
                yield Payload(answer.file, target.url, target.period, answer.headers, part=target.part, name=name)

            yield from each(targets(source, request), request, one)
