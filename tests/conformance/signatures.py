"""Which function, operator or feature an entry is about, and with which types of arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from conformance.answers import type_name
from conformance.corpus import Entry
from vertebra.spark_sql.types import family_of, parse_type

BY_LITERAL: Final = {
    "cast", "try_cast", "extract", "date_part", "datepart", "trunc", "date_trunc", "date_format", "timestampadd",
    "timestampdiff", "dateadd", "datediff", "date_diff", "date_add", "encode", "decode", "parse_url", "try_parse_url", "from_json", "from_csv",
    "sha2", "to_char", "to_varchar", "to_number", "try_to_number", "to_date", "to_timestamp", "try_to_timestamp", "next_day", "format_string", "printf", "from_unixtime", "unix_timestamp", "to_unix_timestamp",
}  # fmt: skip
"""What a word or a text among the arguments decides: those are part of the signature."""

_OPERATORS: Final = (
    "is not distinct from", "is distinct from", "is not null", "is null", "not between", "between", "not in", "in", "not like",
    "like", "not ilike", "ilike", "not rlike", "rlike", "regexp", "div", "and", "or", "xor", "collate",
    "<=>", "<=", ">=", "<>", "!=", "==", "!>", ">>>", "<<", ">>", "||", "::", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^",
)  # fmt: skip


@dataclass(frozen=True, order=True)
class Signature:
    """A function or operator with the families of its arguments' types.

    `types` is empty for what has no single function at its top: an expression of several, or a query.
    """

    name: str
    types: tuple[str, ...] = ()
    literal: str = ""


def family(type_: str) -> str:
    """The family of a type: its name without parameters, of an array with the family of its elements."""
    return family_of(parse_type(type_)) or re.split(r"[(<]", type_, maxsplit=1)[0]


def signature(entry: Entry, content: pa.Table | None) -> Signature | None:
    """What an expression is about; None for a query and for an expression of several functions."""
    if content is None:
        return None
    columns = {field.name: family(type_name(field.type)) for field in content.schema}
    text, suffix = _without_frame(entry.text)
    if found := re.fullmatch(r"(try_cast|cast)\((\w+) as (.+)\)", text):
        to = found[3].strip()
        return Signature(found[1], (columns.get(found[2], "expression"), family(to)), to)
    if found := re.fullmatch(r"extract\((\w+) from (\w+)\)", text):
        return Signature("extract", (columns.get(found[2], "expression"),), found[1].lower())
    if (found := re.fullmatch(r"(\w+)\((.*)\)", text)) and _closed(found[2]):
        name, arguments = found[1].lower(), _arguments(found[2])
        suffix = f" distinct{suffix}" if arguments and arguments[0].startswith("distinct ") else suffix
        types = tuple(_type(argument, columns) for argument in arguments)
        if "expression" in types:
            return None
        literal = ", ".join(
            re.sub(r'^"(.*)"$', r"'\1'", argument)
            for argument, of in zip(arguments, types, strict=True)
            if argument not in columns and name in BY_LITERAL
        )
        return Signature(name + suffix, tuple(of for of in types if of != "word"), literal)
    if suffix:
        return None
    for operator in _OPERATORS:
        spaced = rf" {re.escape(operator)}( |$)" if operator != "::" else "::"
        if match := re.search(spaced, text):
            sides = [text[: match.start()], text[match.end() :]]
            sides = sides if operator != "between" else [sides[0], *sides[1].split(" and ")]
            types = tuple(_type(side.strip().strip("()"), columns) for side in sides if side.strip())
            return None if "expression" in types else Signature(operator, types)
    if found := re.fullmatch(r"([-+~!]|not )(\w+)", text):
        return Signature(f"unary {found[1].strip()}", (_type(found[2], columns),))
    return None


def _without_frame(text: str) -> tuple[str, str]:
    """The function of an aggregate or window, and what follows it in short."""
    for mark in (" over (", " ignore nulls", " filter (", " within group ("):
        if mark in text:
            head = text.partition(mark)[0]
            rest = text[len(head) :]
            if rest.count("(") == rest.count(")") and head.count("(") == head.count(")"):
                parts = [
                    m.strip(" (") for m in (" ignore nulls", " filter (", " within group (", " over (") if m in rest
                ]
                frame = re.search(r"\b(rows|range) (between )?", rest)
                by_value = re.search(
                    r"range between (?!unbounded preceding and (current|unbounded)|current row and (current|unb))", rest
                )
                kind = f" {frame[1]}" if frame else ""
                return head, " " + " ".join(parts) + kind + (" by value" if by_value else "")
    return text, ""


def _closed(inner: str) -> bool:
    depth = 0
    for character in re.sub(r"'[^']*'", "", inner):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _arguments(inner: str) -> list[str]:
    parts, depth, quoted = [""], 0, False
    for character in inner:
        quoted ^= character == "'"
        if not quoted:
            depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _type(text: str, columns: dict[str, str]) -> str:
    text = text.strip()
    if text in columns:
        return columns[text]
    if text.startswith("distinct ") and text.removeprefix("distinct ") in columns:
        return columns[text.removeprefix("distinct ")]
    if re.fullmatch(r"'[^']*'|\"[^\"]*\"", text):
        return "string"
    if re.fullmatch(r"-?\d+", text):
        return "int" if abs(int(text)) < 2**31 else "bigint"
    if re.fullmatch(r"-?\d+L", text):
        return "bigint"
    if re.fullmatch(r"-?\d*\.\d+", text):
        return "decimal"
    if re.fullmatch(r"-?[\d.]+(D|e\d+)", text):
        return "double"
    if text in ("true", "false"):
        return "boolean"
    if text == "null":
        return "null"
    if text == "*":
        return "any"
    if found := re.fullmatch(r"(date|timestamp)'[^']*'", text):
        return found[1]
    if re.match(r"(\w+|\(\w+(, \w+)*\)) ?->", text):
        return "lambda"
    if re.fullmatch(r"array\([\d., ]+\)", text):
        return "array<decimal>" if "." in text else "array<int>"
    if re.fullmatch(r"[A-Z]+", text):
        return "word"
    return "expression"


def words(texts: Sequence[str]) -> set[str]:
    """The words of texts, in lower case: what may be a function's name."""
    return {word for text in texts for word in re.findall(r"[a-z_][a-z_0-9]*", text.lower())}
