"""Casting text to a canonical type: strict, and with equal results on every engine.

Engines differ in the texts that they can cast: some read ``1f`` as a double, others refuse it. So a regular expression
first checks the text, and the engine casts only text that all engines read the same way. Any other text is refused with
a reason; nothing is rounded, unless ``round`` is declared, truncated, wrapped around or guessed.

| type | accepted | refused |
|---|---|---|
| whole numbers | ``5``, ``+5``, ``007``, ``5.0`` | ``5.5``, ``1e3``, numbers out of range |
| float, double | ``5``, ``.5``, ``5.``, ``1e-3`` | ``NaN``, ``Infinity``, numbers out of range, too many digits |
| decimal(p,s) | ``5``, ``5.250`` in (4,2) | ``5.255`` in (4,2), exponents, more digits than p |
| boolean | ``true t yes y 1``, ``false f no n 0``, in any case, or the declared texts | other texts |
| date | ``2013-01-31``, with a time of midnight or without; or the declared format | other texts, 30 February |
| timestamp | ISO 8601 with ``Z``, an offset or neither; or the declared format | other texts, skipped hours |
| string | every text | none |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vertebra.declare.column_type import INTEGERS, ColumnType, column_type
from vertebra.declare.time_pattern import escape
from vertebra.formatted.intermediates import Intermediates, Stage
from vertebra.formatted.measures import Units, converted, split_measure, unit_reasons
from vertebra.formatted.text import CellText
from vertebra.formatted.timestamps import Reasons, read_timestamp
from vertebra.formatted.units import conversion

if TYPE_CHECKING:
    from pyspark.sql import Column

    from vertebra.declare.dataset import Column as Declaration

TRUE: Final = ("true", "t", "yes", "y", "1")
FALSE: Final = ("false", "f", "no", "n", "0")

_SEPARATORS: Final = {" ": " \u00a0\u202f\u2009", "'": "'\u2019"}
"""What a declared separator also stands for: characters that look alike."""

_MOST_DIGITS: Final = 38
_EXACT_DIGITS: Final = 18
_LIKE_THOUSANDS: Final = "[,.'\u2019 \u00a0\u202f\u2009]"
_FLOAT_DIGITS: Final = 9
"""The most digits with which a ``float`` is written; a text with more had another type."""


@dataclass(frozen=True)
class Cell:
    """How the cells of one column are cast, in terms of the intermediate columns.

    Attributes:
        value: the value in the canonical type; NULL where there is none or it was refused.
        content: the text of a cell that needs parsing, without blanks; NULL where the text means NULL.
        reason: why content without a value was refused, as words that follow the text: ``is not a whole number``.
    """

    value: Column
    content: Column
    reason: Column


def read_cell(
    text: Column,
    declaration: Declaration,
    read: CellText,
    intermediates: Intermediates,
    others: Sequence[Column] | None = None,
    units: Units | None = None,
    where: str = "",
) -> Cell:
    """Cast the cells of a column.

    Args:
        text: the raw text.
        declaration: the column's declaration.
        read: how the text is read, whatever the type.
        intermediates: gets the intermediate columns.
        others: the raw text of the other columns of the key; None if the column is not part of it.
        units: those that the values have, for a column with ``unit_from``.
        where: what follows every reason: where the text comes from, if that is not one cell.
    """
    from pyspark.sql import functions as F

    kind = column_type(declaration.type)
    glance = _canonical(text, declaration, kind.name, read.markers)
    if glance is None:
        content = intermediates.keep(Stage.CONTENT, read.of(text))
        value, reasons = (
            _measure(content, declaration, kind.name, intermediates, units or Units())
            if declaration.unit_from
            else _read(content, declaration, kind, intermediates, others)
        )
    else:
        guess = intermediates.keep(Stage.GLANCE, glance)
        content = intermediates.keep(Stage.CONTENT, F.when(guess.isNull(), read.of(text)))
        careful, reasons = _read(content, declaration, kind, intermediates, others)
        value = F.coalesce(guess, careful)
    reasons = [(content == "", "is empty; list '' under null if it means NULL"), *reasons]
    chosen = F.lit(reasons[-1][1] + where)
    for condition, words in reversed(reasons[:-1]):
        chosen = F.when(condition, F.lit(words + where)).otherwise(chosen)
    return Cell(value, content, chosen)


def _canonical(text: Column, declaration: Declaration, kind: str, markers: Sequence[str]) -> Column | None:
    """The value of a text that equals the engine's own text of the value, NULL for any other text; None for some types.

    Nearly all texts are written this way, and comparing them is far cheaper than trimming and matching.
    """
    from pyspark.sql import functions as F

    if kind not in INTEGERS and (kind != "date" or declaration.time_format):
        return None
    if any(char.isdigit() for marker in markers for char in marker):
        # a NULL marker such as -999 would be read as a value
        return None
    guess = text.try_cast(kind)
    same = guess.cast("string") == text
    if kind == "date":
        # engines accept years that readers of Delta tables refuse
        same &= guess.between(F.expr("date'0001-01-01'"), F.expr("date'9999-12-31'"))
    return F.when(same, guess)


def _read(
    content: Column,
    declaration: Declaration,
    kind: ColumnType,
    intermediates: Intermediates,
    others: Sequence[Column] | None,
) -> tuple[Column, Reasons]:
    """The value, and why a text is refused: pairs of condition and reason; the last applies to all other texts."""
    from pyspark.sql import functions as F

    if kind.name == "string":
        return content, [(F.lit(True), "")]
    if kind.name == "boolean":
        return _boolean(content, declaration)
    if kind.name in ("date", "timestamp"):
        return read_timestamp(content, declaration, kind.name, intermediates, others)
    numbers = _Notation(declaration)
    if kind.name in INTEGERS:
        return _whole(content, numbers, kind.name, rounds=declaration.round)
    if kind.name == "decimal":
        return _decimal(content, numbers, kind, rounds=declaration.round)
    return _floating(content, numbers, kind.name, declaration)


class _Notation:
    """How the numbers of a column are written: regular expressions of their parts, and conversion to plain notation."""

    def __init__(self, declaration: Declaration) -> None:
        separators = _SEPARATORS.get(declaration.thousands or "", declaration.thousands or "")
        self._separators = declaration.decimal + separators
        self.point = escape(declaration.decimal)
        between = f"[{separators}]" if len(separators) > 1 else escape(separators)
        groups = f"[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|" if separators else ""
        self.digits = f"(?:{groups}[0-9]+)"

    def plain(self, content: Column) -> Column:
        """The text with a decimal point and without thousands separators."""
        from pyspark.sql import functions as F

        return content if self._separators == "." else F.translate(content, self._separators, ".")

    def common_reasons(self, content: Column) -> Reasons:
        """Reasons why a text is not a number."""
        return [
            (content.rlike(r"\A[+-]?(?i:nan|inf|infinity)\z"), "is not a number; list it under null if it means NULL"),
            (
                content.rlike(
                    rf"\A[+-]?[0-9]{{1,3}}{_LIKE_THOUSANDS}[0-9]{{3}}(?:{_LIKE_THOUSANDS}[0-9]{{3}})*(?:[.,][0-9]+)?\z"
                ),
                "seems to have thousands separators; declare thousands, and decimal if it is a comma",
            ),
            (content.rlike(r"\A[+-]?[0-9]*,[0-9]+\z"), "seems to have a decimal comma; declare decimal: ','"),
        ]


def _whole(content: Column, numbers: _Notation, kind: str, *, rounds: bool) -> tuple[Column, Reasons]:
    from pyspark.sql import functions as F

    shaped = content.rlike(rf"\A[+-]?{numbers.digits}(?:{numbers.point}0*)?\z")
    fraction = content.rlike(rf"\A[+-]?{numbers.digits}?{numbers.point}[0-9]+\z")
    plain = numbers.plain(content)
    # tools without a NULL for whole numbers write them with a fraction of zero
    value = F.when(shaped, F.substring_index(plain, ".", 1).try_cast(kind))
    if rounds:
        value = F.when(shaped, value).when(fraction, _rounded(plain, 0).try_cast(kind))
        shaped |= fraction
    low, high = INTEGERS[kind]
    return value, [
        (shaped, f"is outside of {kind}: {low:,} to {high:,}"),
        (fraction, "has a fraction; declare double or decimal, or round: true"),
        (content.rlike(r"\A[+-]?[0-9.]+[eE][+-]?[0-9]+\z"), "is written with an exponent; declare double"),
        *numbers.common_reasons(content),
        (F.lit(True), "is not a whole number"),
    ]


def _rounded(plain: Column, scale: int) -> Column:
    """A number in plain notation as a decimal with ``scale`` digits after the point; of two, the one away from 0."""
    from pyspark.sql import functions as F

    # the digit after the last one that is kept decides
    cut = F.regexp_replace(plain, rf"(\.[0-9]{{{scale + 1}}})[0-9]*\z", "$1")
    return F.round(cut.try_cast(f"decimal(38,{scale + 1})"), scale)


def _decimal(content: Column, numbers: _Notation, kind: ColumnType, *, rounds: bool) -> tuple[Column, Reasons]:
    from pyspark.sql import functions as F

    point, scale = numbers.point, kind.scale
    fraction = rf"[0-9]{{0,{scale}}}0*"
    bare = rf"[0-9]{{1,{scale}}}0*" if scale else "0+"
    shaped = content.rlike(rf"\A[+-]?(?:{numbers.digits}(?:{point}{fraction})?|{point}{bare})\z")
    plain = numbers.plain(content)
    # zeros beyond the scale do not change the value, but engines count their digits differently
    short = F.when(plain.contains("."), F.regexp_replace(plain, r"\.?0*\z", "")).otherwise(plain)
    short = F.when(short.isin("", "+", "-"), F.lit("0")).otherwise(short)
    value = F.when(shaped, short.try_cast(str(kind)))
    longer = content.rlike(rf"\A[+-]?{numbers.digits}?{point}[0-9]+\z")
    if rounds and scale < _MOST_DIGITS:
        value = F.when(shaped, value).when(longer, _rounded(plain, scale).try_cast(str(kind)))
        shaped |= longer
    return value, [
        (shaped, f"has more than {kind.precision - scale} digits before the point, the most that {kind} holds"),
        (longer, f"has more than {scale} digits after the point, the most that {kind} holds; or declare round: true"),
        (content.rlike(r"\A[+-]?[0-9.]+[eE][+-]?[0-9]+\z"), "is written with an exponent; declare double"),
        *numbers.common_reasons(content),
        (F.lit(True), "is not a decimal number"),
    ]


def _measure(
    content: Column, declaration: Declaration, kind: str, intermediates: Intermediates, units: Units
) -> tuple[Column, Reasons]:
    """A number with a unit after it."""
    number, unit = split_measure(content, intermediates)
    value, reasons = _floating(
        number, _Notation(declaration), kind, declaration, lambda parsed: converted(parsed, unit, declaration, units)
    )
    return value, [*unit_reasons(content, unit, declaration, units), *reasons]


def _floating(
    content: Column,
    numbers: _Notation,
    kind: str,
    declaration: Declaration,
    convert: Callable[[Column], Column] | None = None,
) -> tuple[Column, Reasons]:
    """A floating-point number.

    Args:
        convert: gives a double in the unit of the table from one in that of the text.
    """
    from pyspark.sql import functions as F

    digits, point = numbers.digits, numbers.point
    shaped = content.rlike(rf"\A[+-]?(?:{digits}(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?\z")
    parsed = numbers.plain(content).try_cast("double" if declaration.convert or convert else kind)
    if declaration.convert:
        parsed = conversion(declaration.convert["from"], declaration.convert["to"]).of(parsed).cast(kind)
    elif convert is not None:
        parsed = convert(parsed).cast(kind)
    # infinite: the number is out of the range of the type
    finite = F.abs(parsed) < F.lit(float("inf"))
    if declaration.round:
        return F.when(shaped & finite, parsed), [
            (shaped, f"is outside of {kind}"),
            *numbers.common_reasons(content),
            (F.lit(True), "is not a number"),
        ]
    kept = _kept(numbers.plain(content), kind)
    value = F.when(shaped & finite & kept, parsed)
    return value, [
        (shaped & ~finite, f"is outside of {kind}"),
        (shaped, f"has more digits than {kind} holds; declare decimal or bigint, or round: true"),
        *numbers.common_reasons(content),
        (F.lit(True), "is not a number"),
    ]


def _kept(plain: Column, kind: str) -> Column:
    """Whether a floating-point type keeps a number: a whole number exactly, and as many digits as a ``float`` has.

    A fraction in a ``double`` is the nearest one: few decimal fractions are binary ones.
    """
    from pyspark.sql import functions as F

    sure = 6 if kind == "float" else 15
    mantissa = F.regexp_replace(F.regexp_replace(plain, r"[eE].*\z", ""), r"\A[+-]", "")
    digits = F.regexp_replace(F.translate(mantissa, ".", ""), r"\A0+", "")
    whole = plain.rlike(r"\A[+-]?[0-9]+(?:\.0*)?\z")
    written = F.substring_index(plain, ".", 1)
    # a number of 18 digits is a bigint on every engine
    exact = written.try_cast(kind).try_cast("bigint") == written.try_cast("bigint")
    of_whole = F.when(F.length(F.regexp_replace(written, r"\A[+-]?0*", "")) <= _EXACT_DIGITS, exact).otherwise(
        F.length(F.regexp_replace(written, r"\A[+-]?0*|0+\z", "")) <= sure
    )
    fraction = F.length(digits) <= _FLOAT_DIGITS if kind == "float" else F.lit(True)
    # nearly all numbers are short
    return F.when(F.length(plain) <= sure, True).when(whole, of_whole).otherwise(fraction)


def _boolean(content: Column, declaration: Declaration) -> tuple[Column, Reasons]:
    from pyspark.sql import functions as F

    declared = declaration.true_values or declaration.false_values
    true = [word.lower() for word in (declaration.true_values if declared else TRUE)]
    false = [word.lower() for word in (declaration.false_values if declared else FALSE)]
    lower = F.lower(content)
    value = F.when(lower.isin(*true), F.lit(True)).when(lower.isin(*false), F.lit(False))
    return value, [(F.lit(True), f"is neither true ({', '.join(true)}) nor false ({', '.join(false)})")]
