"""Parts of texts by position, where the engines count otherwise beyond the ends."""

from __future__ import annotations

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


RULES: Final[dict[str, Rule]] = dict.fromkeys(("substring", "substr", "left", "right"), _part)
CHECKED: Final = frozenset(RULES)
"""Functions whose rules decide by the values of their arguments, not by the types."""
