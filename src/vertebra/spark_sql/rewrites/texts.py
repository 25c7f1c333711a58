"""Functions of texts: parts by position, where the engines count otherwise beyond the ends; bytes; paths in XML."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from vertebra.spark_sql.rewrites.call import Call, Rule
from vertebra.spark_sql.unsupported import UnsupportedError

if TYPE_CHECKING:
    from sqlglot import exp


def _part(call: Call) -> exp.Expr | None:
    """Positions from 1 and lengths from 0, as literals."""
    kind = call.kinds[0] if call.kinds else None
    for place, one in enumerate(call.arguments[1:]):
        least = 1 if place == 0 and call.name in ("substring", "substr") else 0
        node = one.unnest()
        if node.key != "literal" or not node.name.isdigit() or int(node.name) < least:
            raise UnsupportedError(
                f"{call.name} with a position or length that is not a literal from {least}",
                cause="the embedded engine counts otherwise beyond the ends of a text",
                remedy="write the numbers, e.g. substring(x, 1, 3); the last ones are right(x, 3)",
            )
    if kind is not None and kind.family in ("float", "double", "binary", "timestamp", "array", "map", "struct"):
        raise UnsupportedError(
            f"{call.name} of {kind}", cause="the embedded engine writes it otherwise as text", remedy="use a text"
        )
    return None


def _of_bytes(call: Call) -> exp.Expr | None:
    """Functions of texts: bytes that are no text stop the embedded engine."""
    if any(kind is not None and kind.family == "binary" for kind in call.kinds):
        raise UnsupportedError(
            f"{call.name} of binary",
            cause="the embedded engine stops at bytes that are no UTF-8",
            remedy=f"write {call.name} of a text: hex(x), or cast(x as string) if all bytes are UTF-8",
        )
    return None


def _split_part(call: Call) -> exp.Expr | None:
    if len(call.arguments) > 2 and call.arguments[2].unnest().name == "0":
        raise UnsupportedError(
            "split_part with part 0",
            cause="parts begin with 1, and the engines stop",
            remedy="write split_part(x, ',', 1); the last part is -1",
        )
    return None


_PATH: Final = re.compile(r"[\w/@*.:-]+")


def _xpath(call: Call) -> exp.Expr | None:
    """The first of several nodes; the embedded engine stops if a path finds more than one."""
    from sqlglot import exp

    path = call.arguments[1].unnest() if len(call.arguments) > 1 else None
    if path is None or path.key != "literal" or not _PATH.fullmatch(path.name):
        raise UnsupportedError(
            f"{call.name} with a path that is not a plain one",
            cause="the embedded engine stops if it finds several nodes",
            remedy=f"write the path as a text, e.g. {call.name}(x, 'a/b/@id')",
        )
    node = call.function.copy()
    node.set("expressions", [call.arguments[0].copy(), exp.Literal.string(f"({path.name})[1]")])
    return node


_CUT: Final = ("substring", "substr", "left", "right")
_BYTES: Final = ("ascii", "lcase", "lower", "ucase", "upper", "contains", "startswith", "endswith", "listagg")
_NUMBERS: Final = ("int", "long", "short", "double", "float", "number")
RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(_CUT, _part),
    **dict.fromkeys(_BYTES, _of_bytes),
    "split_part": _split_part,
    **dict.fromkeys(("xpath_string", *(f"xpath_{one}" for one in _NUMBERS)), _xpath),
}
CHECKED: Final = frozenset(_CUT)
"""Functions whose rules decide by the values of their arguments, not by the types."""
