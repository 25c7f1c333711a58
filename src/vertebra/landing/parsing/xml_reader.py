"""Reads XML element by element: entities are never expanded, nothing is fetched, and memory does not grow."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from xml.parsers import expat

from vertebra.declare.parse import TextOptions
from vertebra.errors import CollectError
from vertebra.formatting import counted, shortened
from vertebra.landing.parsing.detection import encoding_of
from vertebra.landing.parsing.encoding import Encoding, decoded, encoding_notes, undecodable
from vertebra.landing.parsing.json_reader import read_json_lines
from vertebra.landing.parsing.other_kinds import refuse_other_kinds
from vertebra.landing.parsing.records import ReadContext, Records, refuse_page
from vertebra.landing.parsing.xml_records import Element, Flattening, XmlOptions, matches, path_of
from vertebra.landing.payload import PayloadPart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_DECLARED: Final = re.compile(rb"\s*<\?xml[^>]*?\bencoding\s*=\s*[\"']([A-Za-z][\w.\-]*)[\"']")
_ENTITY: Final = re.compile(rb"&(?!#|(?:amp|lt|gt|quot|apos);)([\w.:\-]{1,40});")
_HEAD: Final = 1024
_LARGEST_RECORD: Final = 32 << 20
_DEEPEST: Final = 200
_PATHS: Final = 200
"""Different paths that are counted for messages."""

_PARENT: Final = re.compile(r"((?:\^\.)+)(.+)")


def read_xml(parts: Sequence[PayloadPart], context: ReadContext) -> Records:
    """Read the elements at the path ``records`` of each part.

    An attribute is the column ``@name``, an element with text the column ``name``, and one further down
    ``address.city``; ``height.@unit`` is an attribute of an element. What a record does not have is NULL, and so is an
    element with ``xsi:nil="true"``. Columns are those of the first record in its order, then others by name.

    Raises:
        CollectError: a part is not well-formed, is cut off, declares or uses entities, or has no element at the path;
            an element repeats that a column expects once; or there are no records and ``context`` does not allow that.
    """
    options = context.declared(XmlOptions)
    texts, encodings = [], []
    for number, part in enumerate(parts):
        refuse_page(part)
        refuse_other_kinds(part, options.format)
        encoding = xml_encoding(part, options, context)
        file = context.scratch / f"xml-{number}.jsonl"
        found = _written(part, encoding, context, options, file)
        encodings.append(encoding)
        texts.append((found, PayloadPart(part.name, _opener(file), file)))
    if not any(found for found, _ in texts) and not context.empty:
        raise CollectError(
            f"{parts[0].name} has no records",
            cause=f"there is no element at {options.records or 'the children of its root'}",
            remedy="collect again when the source has data; if it is right, write collect: {empty: accept}",
        )
    lines = TextOptions(format="jsonl", encoding="utf-8")
    inner = replace(context, options=lines, paths=(), guessed=(), empty=True)
    records = read_json_lines([text for _, text in texts], inner)
    notes = {name: fact for name, fact in records.notes.items() if name in ("renamed",)}
    notes |= encoding_notes(encodings) | {"detected": ["encoding"] if options.encoding is None else []}
    return Records(records.columns, records.batches, notes)


def xml_encoding(part: PayloadPart, options: XmlOptions, context: ReadContext) -> Encoding:
    """The encoding of a part: the declared one, or that of its mark or its XML declaration, or a detected one."""
    if options.encoding is not None:
        return encoding_of(part, options.encoding, context.guessed)
    with part.open() as stream:
        head = stream.read(_HEAD)
    found = _DECLARED.match(head)
    if found is None or head.startswith(codecs.BOM_UTF8) or found[1].lower().startswith((b"utf-16", b"utf16", b"ucs")):
        # a declaration that can be read byte by byte is not in UTF-16, whatever it says
        return encoding_of(part, None, context.guessed)
    return replace(encoding_of(part, found[1].decode()), declared=False)


def _opener(file: Path) -> Callable[[], Any]:
    return lambda: file.open("rb")


def _written(part: PayloadPart, encoding: Encoding, context: ReadContext, options: XmlOptions, target: Path) -> int:
    """Write the records of a part as JSON Lines, and return their number."""
    with target.open("w", encoding="utf-8") as sink:

        def write(cells: dict[str, Any]) -> None:
            sink.write(json.dumps(cells, ensure_ascii=False))
            sink.write("\n")

        reading = XmlReading(part, options, context.paths, write)
        with part.open() as stream:
            reading.feed(decoded(stream, encoding), encoding)
    reading.check()
    return reading.records


@dataclass(slots=True)
class Frame:
    """An open element outside of records.

    Attributes:
        name: as it is written.
        on_path: whether it and those around it are on the path to the records.
        start: number of bytes of UTF-8 text before it.
        values: declared values of this element that its records take, by path.
        texts: the pieces of its text, if a record takes it.
        records: number of records in it so far.
    """

    name: str
    on_path: bool
    start: int
    values: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    records: int = 0


@dataclass(frozen=True)
class _ParentPath:
    """A declared path to a value of an element around the record."""

    path: str
    depth: int
    steps: tuple[str, ...]
    attribute: str | None

    @classmethod
    def parse(cls, path: str, depth: int) -> _ParentPath | None:
        """Read ``^.^.name`` for records at a depth; None for another path."""
        found = _PARENT.fullmatch(path)
        if found is None or depth - len(found[1]) // 2 < 1:
            return None
        steps = found[2].split(".")
        attribute = steps.pop()[1:] if steps[-1].startswith("@") else None
        return cls(path, depth - len(found[1]) // 2, tuple(steps), attribute)


class XmlReading:
    """Reads a document, and gives the cells of its records.

    Args:
        paths: the sources of declared columns.
        write: called with the cells of each record.

    Attributes:
        records: number of records so far.
        frames: the open elements outside of records, the outermost first.
    """

    def __init__(
        self, part: PayloadPart, options: XmlOptions, paths: Sequence[str], write: Callable[[dict[str, Any]], None]
    ) -> None:
        self.records = 0
        self.frames: list[Frame] = []
        self._part = part
        self._steps = path_of(options.records) if options.records is not None else None
        self._depth = len(self._steps) if self._steps else 2
        self._keep = options.prefixes == "keep"
        self._sources = paths
        positions = [path for path in paths if "[" in path and not path.startswith("^")]
        lists = {*options.lists, *(re.sub(r"\[\d+\]", "", path[: path.rindex("[")]) for path in positions)}
        self._flattening = Flattening(lists, positions)
        parents = [_ParentPath.parse(path, self._depth) for path in paths]
        self.parents = [one for one in parents if one is not None]
        self._write = write
        self._open: list[Element] = []
        self._size = 0
        self._names: Counter[str] = Counter()
        self._prefixes: dict[tuple[str, ...], str] = {}
        self._paths: Counter[str] = Counter()
        self._has_parent = False
        self._foreign = False
        self.parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._entity
        parser.SkippedEntityHandler = self._skipped

    def feed(self, blocks: Iterator[bytes], encoding: Encoding) -> None:
        """Read a document.

        Args:
            blocks: its text in UTF-8.
            encoding: of the part, for messages.

        Raises:
            CollectError: it is not well-formed, is cut off, or has entities.
        """
        fed, tail, last = 0, b"", False
        try:
            for block in chain(filter(None, blocks), (b"",)):
                last = not block
                if self._foreign and (found := _ENTITY.search(tail + block)):
                    self._skipped(found[1].decode(), False)
                tail = block[-64:]
                self.parser.Parse(block, last)
                fed += len(block)
                if fed - max(self.parser.CurrentByteIndex, 0) > 2 * _LARGEST_RECORD:
                    raise self._too_large()
        except expat.ExpatError as error:
            if error.code == expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN] and encoding.is_utf8:
                self._refuse_bytes(encoding)
            raise self._not_well_formed(error, last=last) from error
        except UnicodeDecodeError as error:
            raise undecodable(self._part, encoding) from error

    def check(self) -> None:
        """Check what is known at the end of the document.

        Raises:
            CollectError: there is nothing at the path of the records, or an element repeats that a column expects once.
        """
        if self._steps is None and len(self._names) > 1:
            raise CollectError(
                f"the records of {self._part.name} are not certain",
                cause=f"its root has {shortened(_listed(self._names))}, and parse.records is not declared",
                remedy=f"declare the path, for example parse: {{records: {self._likely()}}}",
            )
        if not self.records and not self._has_parent:
            raise CollectError(
                f"{self._part.name} has no element {'/' + '/'.join(self._steps or ())}",
                cause=f"it has {shortened(_listed(self._paths), 12)}",
                remedy="correct parse.records",
            )
        repeated = [
            path
            for path in self._flattening.repeated
            if any(one == path or one.startswith((f"{path}.", f"{path}[")) for one in self._sources)
        ]
        if repeated:
            path = repeated[0]
            raise CollectError(
                f"{path} repeats within record {self._flattening.repeated[path]:,} of {self._part.name}",
                cause="a column has one value of a record",
                remedy=f'write source: "{path}[0]" for the first one, or parse: {{lists: [{", ".join(repeated)}]}} '
                "for a JSON array of all",
            )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if self._open:
            element = self._element(name, attributes)
            self._open[-1].children.append(element)
            self._open.append(element)
            if len(self._open) > _DEEPEST:
                raise self._refused(f"is nested more than {_DEEPEST} elements deep within a record")
            return
        depth = len(self.frames) + 1
        around = self.frames[-1].on_path if self.frames else True
        on_path = around and (self._steps is None or (depth <= self._depth and matches(self._steps[depth - 1], name)))
        self._has_parent |= on_path and depth == self._depth - 1
        self._count(name)
        if on_path and depth == self._depth:
            if self._steps is None:
                self._names[name] += 1
            self._open = [self._element(name, attributes)]
            self._size = 0
            self.begin_record(self.parser.CurrentByteIndex)
            return
        self.frames.append(Frame(name, on_path, self.parser.CurrentByteIndex))
        if self.parents:
            self._take_attributes(depth, attributes)

    def _text(self, text: str) -> None:
        if self._open:
            self._open[-1].texts.append(text)
            self._size += len(text)
            if self._size > _LARGEST_RECORD:
                raise self._too_large()
        elif self.parents and self.frames and sum(map(len, self.frames[-1].texts)) < _LARGEST_RECORD:
            self.frames[-1].texts.append(text)

    def _end(self, _: str) -> None:
        if not self._open:
            frame = self.frames[-1]
            if self.parents:
                self._take_text(frame)
            self.end_frame(self.frames.pop(), self.parser.CurrentByteIndex)
            return
        element = self._open.pop()
        if self._open:
            return
        self.records += 1
        for frame in self.frames:
            frame.records += 1
        try:
            cells = self._flattening.cells(element)
        except ValueError as error:
            raise self._refused(
                f"has a record, number {self.records:,}, whose columns are not clear: {error}"
            ) from error
        for one in self.parents:
            cells[one.path] = self.frames[one.depth - 1].values.get(one.path)
        self._write(cells)
        self.end_record(self.parser.CurrentByteIndex)

    def begin_record(self, start: int) -> None:
        """Called at the beginning of a record, with the number of bytes before it."""

    def end_record(self, end: int) -> None:
        """Called with the number of bytes before the end tag of a record, or after it if it is an empty element."""

    def end_frame(self, frame: Frame, end: int) -> None:
        """Called at the end of an element outside of records, with the same number as :meth:`end_record`."""

    def _element(self, name: str, attributes: dict[str, str]) -> Element:
        nil = False
        if attributes:
            kept = {}
            for key, value in attributes.items():
                if key.startswith("xmlns") and (len(key) == 5 or key[5] == ":"):
                    continue
                if key.endswith(":nil"):
                    nil = value.strip() in ("true", "1")
                    continue
                kept[key if self._keep else key.rpartition(":")[2]] = value
            attributes = kept
        self._size += sum(map(len, attributes.values()))
        if self._keep or (":" not in name and not self._prefixes):
            return Element(name, attributes, nil)
        prefix, _, local = name.rpartition(":")
        place = (*(one.name for one in self._open), local)
        if self._prefixes.setdefault(place, prefix) != prefix:
            raise CollectError(
                f"{self._part.name} has elements {name} and {self._prefixes[place] or 'no prefix'}:{local} in a record",
                cause="without their prefixes, two different columns would have the same name",
                remedy="write parse: {prefixes: keep}",
            )
        return Element(local, attributes, nil)

    def _take_attributes(self, depth: int, attributes: dict[str, str]) -> None:
        for one in self.parents:
            if one.attribute in attributes and self._is_at(one, depth):
                self._take(one, attributes[one.attribute])

    def _take_text(self, frame: Frame) -> None:
        for one in self.parents:
            if one.attribute is None and self._is_at(one, len(self.frames)):
                self._take(one, "".join(frame.texts))

    def _is_at(self, one: _ParentPath, depth: int) -> bool:
        """Whether the innermost open element is that of a declared path."""
        if depth < one.depth or not self.frames[one.depth - 1].on_path:
            return False
        names = [frame.name for frame in self.frames[one.depth : depth]]
        return len(names) == len(one.steps) and all(map(matches, one.steps, names))

    def _take(self, one: _ParentPath, value: str) -> None:
        frame = self.frames[one.depth - 1]
        if one.path in frame.values:
            raise self._refused(f"has several values of {one.path} around a record")
        if frame.records and (one.steps or one.attribute is None):
            raise self._refused(f"has {one.path} after the records that take it as a column")
        frame.values[one.path] = value

    def _count(self, name: str) -> None:
        path = "/" + "/".join([*(frame.name for frame in self.frames), name])
        if path in self._paths or len(self._paths) < _PATHS:
            self._paths[path] += 1

    def _likely(self) -> str:
        root = self.frames[0].name if self.frames else next(iter(self._paths)).split("/")[1]
        return f"/{root}/{self._names.most_common(1)[0][0]}"

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:  # noqa: ARG002
        self._foreign = system is not None or public is not None

    def _entity(self, name: str, *_: Any) -> None:
        raise CollectError(
            f"{self._part.name} declares the entity {name!r}",
            cause="entities can read other files, and expand without end; they are never expanded",
            remedy="ask the source for XML without entities, or replace them before it is collected",
        )

    def _skipped(self, name: str, is_parameter: bool) -> None:  # noqa: ARG002
        raise CollectError(
            f"{self._part.name} uses the entity {name!r}, which it does not declare",
            cause="its text is in a DTD, which is never fetched",
            remedy="ask the source for XML without entities, or replace them before it is collected",
        )

    def _refuse_bytes(self, encoding: Encoding) -> None:
        """Refuse bytes that are not UTF-8, which the parser reports as an invalid token."""
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        try:
            with self._part.open() as stream:
                while block := stream.read(1 << 20):
                    decoder.decode(block)
        except UnicodeDecodeError as error:
            raise undecodable(self._part, encoding) from error

    def _not_well_formed(self, error: expat.ExpatError, *, last: bool) -> CollectError:
        reason = expat.ErrorString(error.code)
        if last and self._paths:
            return CollectError(
                f"{self._part.name} is cut off in line {error.lineno:,}",
                cause=f"elements are not closed: {reason}",
                remedy="collect it again; if it happens again, ask the source",
            )
        return CollectError(
            f"{self._part.name} is not well-formed XML",
            cause=f"line {error.lineno:,}, column {error.offset + 1:,}: {reason}",
            remedy="look at the payload kept aside; correct parse.format, or ask the source",
        )

    def _refused(self, what: str) -> CollectError:
        return CollectError(
            f"{self._part.name} {what}",
            cause=f"it is in line {self.parser.CurrentLineNumber:,}",
            remedy="correct parse.records or the sources of columns, or ask the source for another structure",
        )

    def _too_large(self) -> CollectError:
        return self._refused(f"has a record of more than {counted(_LARGEST_RECORD >> 20, 'megabyte')}")


def _listed(names: Counter[str]) -> list[str]:
    return [f"{number:,} × {name}" if number > 1 else name for name, number in names.items()]
