"""Regular expressions, whose dialects differ: Java's in Apache Spark, Rust's in the embedded engine.

A pattern has to be a literal of constructs that both have. ``\\d``, ``\\w`` and ``\\s`` become the ASCII classes that
they are in Java.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule, cast
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp

_ASCII: Final = {"d": "0-9", "w": "A-Za-z0-9_", "s": " \\t\\n\\x0B\\f\\r"}
_PLAIN_ESCAPES: Final = frozenset(".[](){}*+?^$|\\/-,:;'\"<>=!#%&@~`_ tnrf")
_REFUSED: Final = {
    r"\(\?[^:i]|\(\?i[^)]": "groups such as (?=…), (?<name>…) and flags other than (?i)",
    r"[*+?}]\+": "possessive quantifiers",
    r"\[\[|&&|\[[^\]]*\[": "classes within classes",
    r"\{,": "a quantifier without a least number",
}
_LINE_END: Final = r"(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])?$"
_FINDING: Final = ("rlike", "regexp", "regexp_like")
_SPLITTING: Final = ("split", "regexp_replace", "regexp_count", "regexp_extract_all", "regexp_instr")


def _pattern(call: Call) -> exp.Expr | None:
    from sqlglot import exp

    if len(call.arguments) < 2:
        return None
    literal = call.arguments[1].unnest()
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        raise UnsupportedError(
            f"the pattern of {call.name} is not a text",
            cause="Java's and Rust's regular expressions differ, and a pattern from data cannot be checked",
            remedy="write the pattern as a text, e.g. rlike '^[0-9]+$'",
        )
    pattern = str(literal.this)
    if len(call.arguments) > 3:
        raise UnsupportedError(
            f"{call.name} from a position on",
            cause="the embedded engine does not take a position",
            remedy=f"write {call.name} of substring(x, 5)",
        )
    if len(call.arguments) > 2 and call.name == "regexp_replace":
        _check_replacement(call.arguments[2].unnest())
    made = _translated(pattern)
    _check_valid(pattern, made)
    if call.name == "regexp_extract" and len(call.arguments) > 2:
        _check_group(call.arguments[2], pattern)
    if call.name in _SPLITTING and _matches_nothing(made):
        raise UnsupportedError(
            f"the pattern {pattern!r} of {call.name} matches the empty text",
            cause="Java and Rust find other places for it",
            remedy="use + in place of *, or name the characters",
        )
    if len(call.arguments) > 2 and call.name == "regexp_replace":
        _check_groups(call.arguments[2].unnest(), pattern)
    if call.name in _FINDING and made.endswith("$") and not made.endswith("\\$"):
        made = made[:-1] + _LINE_END
    if made == pattern:
        return cast(call.function, "int") if call.name == "regexp_count" else None
    node = call.function.copy()
    text = exp.Literal.string(made)
    if isinstance(node, exp.Anonymous):
        node.set("expressions", [node.expressions[0], text, *node.expressions[2:]])
    else:
        node.set("expression", text)
    return cast(node, "int") if call.name == "regexp_count" else node


def _check_valid(pattern: str, made: str) -> None:
    """A pattern that no engine can read; it would stop the query where a text is not NULL."""
    try:
        re.compile(made.replace("(?i)", ""))
    except re.error as error:
        raise UnsupportedError(
            f"the pattern {pattern!r} cannot be read",
            cause=str(error),
            remedy="correct it; a bracket that stands for itself is written \\[ or \\(",
        ) from None


def _check_group(node: exp.Expr, pattern: str) -> None:
    """The group that is extracted is one of the pattern."""
    groups = _groups(pattern)
    text = node.sql(dialect="spark").replace(" ", "")
    if re.fullmatch(r"-\d+", text) or (text.isdigit() and int(text) > groups):
        raise UnsupportedError(
            f"group {text} of the pattern {pattern!r}",
            cause="the pattern does not have it, and the engines stop",
            remedy=f"write a group from 0, the whole match, to {groups}",
        )


def _groups(pattern: str) -> int:
    return len(re.findall(r"\((?!\?)", re.sub(r"\\.|\[[^\]]*\]", "", pattern)))


def _check_groups(replacement: exp.Expr, pattern: str) -> None:
    """A group in a replacement is one of the pattern; Apache Spark stops otherwise."""
    groups = _groups(pattern)
    wrong = next((one for one in re.findall(r"\$(\d)", replacement.name) if int(one) > groups), None)
    if wrong is not None or re.search(r"\$(?!\d)", replacement.name):
        raise UnsupportedError(
            f"the replacement {replacement.name!r} has a group that the pattern does not have",
            cause="Apache Spark stops with an error, and the embedded engine replaces it by nothing",
            remedy=f"write groups from $1 to ${groups}" if groups else "put the part in brackets: '(a)' with '$1'",
        )


def _translated(pattern: str) -> str:
    """The pattern in Rust's dialect.

    Raises:
        UnsupportedError: it has a construct that the dialects do not share.
    """
    bare = re.sub(r"\\.", "x", pattern)
    for construct, name in _REFUSED.items():
        if re.search(construct, bare):
            raise _refused(pattern, name)
    made, in_class, place = [], False, 0
    while place < len(pattern):
        one = pattern[place]
        if one == "\\" and place + 1 < len(pattern):
            made.append(_escape(pattern, pattern[place + 1], in_class))
            place += 2
            continue
        in_class = (in_class or one == "[") and one != "]"
        made.append(one)
        place += 1
    return "".join(made)


def _escape(pattern: str, letter: str, in_class: bool) -> str:
    if letter in _ASCII:
        return _ASCII[letter] if in_class else f"[{_ASCII[letter]}]"
    if letter in "DWS" and not in_class:
        return f"[^{_ASCII[letter.lower()]}]"
    if letter in _PLAIN_ESCAPES:
        return f"\\{letter}"
    raise _refused(pattern, f"\\{letter}")


def _refused(pattern: str, construct: str) -> UnsupportedError:
    return UnsupportedError(
        f"the pattern {pattern!r} has {construct}",
        cause="Java's and Rust's regular expressions differ in it",
        remedy="use classes such as [0-9], groups (…) or (?:…), and the quantifiers ? * + {n,m}",
    )


def _matches_nothing(pattern: str) -> bool:
    try:
        return re.search(pattern.replace("(?i)", ""), "") is not None
    except re.error:
        return True


def _check_replacement(node: exp.Expr) -> None:
    from sqlglot import exp

    if not isinstance(node, exp.Literal) or "\\" in str(node.this):
        raise UnsupportedError(
            "the replacement of regexp_replace is not a plain text",
            cause="Java and Rust read its escapes in different ways",
            remedy="write a text without backslashes; $1 is the first group",
        )


def _like(call: Call) -> exp.Expr | None:
    """A pattern of LIKE from data may end in an escape, which Apache Spark refuses."""
    from sqlglot import exp

    pattern = call.arguments[1].unnest()
    if not isinstance(pattern, exp.Literal) or str(pattern.this).endswith("\\"):
        raise UnsupportedError(
            f"the pattern of {call.name} is not a text",
            cause="a pattern from data cannot be checked",
            remedy="write the pattern as a text, e.g. like 'a%'; or use startswith, endswith, contains",
        )
    return None


RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys((*_FINDING, *_SPLITTING, "regexp_extract", "regexp_substr"), _pattern),
    **dict.fromkeys(("like", "ilike"), _like),
}
CHECKED: Final = frozenset(RULES)
"""Functions whose rules decide by the pattern, not by the types."""
