"""XML: the elements at a path are records, each leaf and attribute in them a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

from vertebra.landing.parsing.format import Format
from vertebra.landing.parsing.xml_records import XmlOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.landing.parsing.records import ReadContext, Records
    from vertebra.landing.payload import PayloadPart


class XmlFormat(Format):
    """``format: xml``: each element at the path ``records`` is a record."""

    name = "xml"
    declaration = XmlOptions
    endings = (".xml", ".gpx", ".kml", ".gml")
    content = "xml"
    example = """\
source: registry
collect: {from: files, path: "drop/*.xml"}
parse: {format: xml, records: /export/stations/station}
columns:
  id: {type: bigint, source: "@id"}
  name: string
  city: {type: string, source: address.city}
  height: double
  unit: {type: string, source: height.@unit}
  day: {type: date, source: "^.^.@day"}
"""

    def read(self, parts: Sequence[PayloadPart], context: ReadContext) -> Records:
        """Read XML; see :func:`vertebra.landing.parsing.xml_reader.read_xml`."""
        from vertebra.landing.parsing.xml_reader import read_xml

        return read_xml(parts, context)

    def cut(self, part: PayloadPart, dropped: Sequence[int], sink: BinaryIO, context: ReadContext) -> None:
        """Copy a part without some records; see :func:`vertebra.landing.erasure.cut_xml.cut_xml`."""
        from vertebra.landing.erasure.cut_xml import cut_xml

        cut_xml(part, dropped, sink, context)


FORMAT: Final = XmlFormat()
