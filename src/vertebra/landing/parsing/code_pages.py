"""Which code pages a text may be written in, judged by the letters beyond ASCII of its words.

A text's words are read in each code page, and get a probability from how frequent their letters are in the languages
that the code page is used for: naive Bayes with letters as features, after A. Kikui, "Identifying the coding system
and language of on-line documents on the Internet", COLING 1996. Repeated words count once, so a column with few values
is little evidence, however long it is. Code pages that read a text the same way are one candidate.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from vertebra.landing.parsing.languages import ALPHABETS, CODE_PAGES, CODECS, GUESTS, SIGNS

_WORD: Final = re.compile(rb"(?<![@-~'\-])[@-~'\-]*+[\x80-\xff][0-9@-~\x80-\xff'\-]*+")
"""Words with bytes beyond ASCII. The second byte of a Chinese, Japanese or Korean character may be one of ASCII."""

_MOST_WORDS: Final = 2_000
_FEW_WORDS: Final = 150
_LONGEST: Final = 512

_LETTERS: Final = 0.7
"""Share of letters of the language; the others are signs, letters of other languages, and anything else."""
_SIGNS: Final = 0.25
_FOREIGN: Final = 0.02
_OTHER: Final = math.log(1e-6)
_CONTROL: Final = math.log(1e-9)
_ODD_PLACE: Final = math.log(0.01)
_ALONE: Final = math.log(0.04)
_CAPITALS: Final = math.log(0.15)
_GUEST: Final = -4.0
_EVIDENCE: Final = 0.6
"""Letters of one text are not independent of each other, so their probabilities count less."""

_UNLIKELY: Final = 1e-9

_INSIDE_WORDS: Final = frozenset("·’'-")
_BESIDE_LETTERS: Final = frozenset("·’'-º°ª“”„‘‚«»…®©™\u00a0—–¿¡")
_AFTER_WORDS: Final = frozenset("’”")
_KANA: Final = re.compile("[\u3041-\u30ff\uff61-\uff9f]")

READABLE: Final = 0.25
"""Most words of a readable text with a letter that its language does not have, as a share."""


@dataclass(frozen=True)
class Reading:
    """A text as some code pages read it.

    Attributes:
        code_pages: their names, the most common first.
        language: the language that it fits best.
        confidence: probability that it is the right one, of all candidates.
        words: distinct words with letters beyond ASCII, in the order of the text.
        unusual: share of the words with a letter that the language does not have.
    """

    code_pages: tuple[str, ...]
    language: str
    confidence: float
    words: tuple[str, ...]
    unusual: float


def words_of(blocks: Sequence[bytes]) -> list[bytes]:
    """The distinct words with bytes beyond ASCII, in order; at most 2,000.

    Args:
        blocks: pieces of the text, best cut at line ends.
    """
    found: dict[bytes, None] = {}
    for block in blocks:
        for word in _WORD.findall(block):
            if len(word) <= _LONGEST:
                found[word] = None
        if len(found) >= _MOST_WORDS:
            break
    return list(found)[:_MOST_WORDS]


def readings(words: Sequence[bytes], among: Sequence[str] = ()) -> list[Reading]:
    """How the words of a text may be read, the most probable reading first.

    Args:
        words: distinct words, as :func:`words_of` gives them.
        among: names of the code pages to consider; all of them by default.

    Example:
        >>> words = [word.encode("windows-1250") for word in ("Łódź", "Święty", "Krzyż")]
        >>> readings(words)[0].code_pages[0], readings(words)[0].language
        ('windows-1250', 'Polish')
    """
    if len(words) > _FEW_WORDS:
        # most candidates can be ruled out by a few words
        likely = [one for one in readings(words[:_FEW_WORDS], among) if one.confidence > _UNLIKELY]
        among = [name for name in CODE_PAGES if any(name in one.code_pages for one in likely)]
    scores: dict[tuple[str, ...], tuple[float, str, list[str], float]] = {}
    for name in among or CODE_PAGES:
        read = _read(words, name)
        if read is None:
            continue
        score, language, unusual = _best(read, name)
        best, spoken, pages, share = scores.get(read, (-math.inf, language, [], unusual))
        if score > best:
            best, spoken, share = score, language, unusual
        scores[read] = (best, spoken, [*pages, name], share)
    highest = max((score for score, *_ in scores.values()), default=0.0)
    total = sum(math.exp(max(score - highest, -700.0)) for score, *_ in scores.values())
    found = [
        Reading(tuple(pages), language, math.exp(max(score - highest, -700.0)) / total, read, unusual)
        for read, (score, language, pages, unusual) in scores.items()
    ]
    return sorted(found, key=lambda one: -one.confidence)


def _best(words: Sequence[str], code_page: str) -> tuple[float, str, float]:
    """The score of words in a code page, the language that fits best, and the share of words with unusual letters."""
    prior, languages = CODE_PAGES[code_page]
    found = []
    for language in (*languages, *GUESTS.get(languages, ())):
        weights = [_word(word, language, code_page) for word in words]
        score = prior + _EVIDENCE * sum(weight for weight, _ in weights)
        score += 0.0 if language in languages else _GUEST
        found.append((score, language, sum(odd for _, odd in weights) / max(1, len(words))))
    return max(found)


def codec_of(name: str) -> str:
    """Python's codec of a code page."""
    return codecs.lookup(CODECS.get(name, name)).name


def _read(words: Sequence[bytes], name: str) -> tuple[str, ...] | None:
    codec = codec_of(name)
    try:
        return tuple(word.decode(codec) for word in words)
    except UnicodeDecodeError:
        return None


def _word(word: str, language: str, code_page: str) -> tuple[float, bool]:
    """The logarithm of a word's probability in a language, and whether it has a letter that the language lacks."""
    known = _weights(language, code_page)
    ideographs = language in _COMMON
    score, odd = 0.0, False
    for at, char in enumerate(word):
        before, after = word[at - 1 : at] if at else "", word[at + 1 : at + 2]
        if char <= "\x7f":
            score += _ascii(char, before, after)
            continue
        weight = known.get(char.lower() if len(char.lower()) == 1 else char)
        if weight is None:
            weight = _rare(char, language) if ideographs else _CONTROL if _is_control(char) else _OTHER
        is_letter = char.isalpha() and char not in "ªº"
        odd = odd or (is_letter and weight < (_RARE_IDEOGRAPH if ideographs else _RARE))
        score += weight + (0.0 if ideographs else _place(char, before, after, is_letter))
    if not ideographs and word.isupper() and len(word) > 1:
        score += _CAPITALS
    return score, odd


_RARE: Final = math.log(2e-3)
_RARE_IDEOGRAPH: Final = math.log(5e-5)


def _ascii(char: str, before: str, after: str) -> float:
    """What is unusual about a character of ASCII beside others, which may be half of a Chinese or Japanese one."""
    if char.isupper() and before > "\x7f" and before.islower():
        return _ODD_PLACE
    return _ODD_PLACE / 2 if char in "@[\\]^_`{|}~" and before > "\x7f" and after > "\x7f" else 0.0


def _is_control(char: str) -> bool:
    return char < "\xa0" or "\ue000" <= char <= "\uf8ff"


def _place(char: str, before: str, after: str, is_letter: bool) -> float:
    """What is unusual about the place of a character in its word."""
    if is_letter:
        if before.isalpha() and char.isupper() and (before.islower() or after.islower()):
            return _ODD_PLACE  # a capital inside a word suggests a small letter in another encoding
        if not before.isalpha() and not after.isalpha():
            return _ODD_PLACE if char.isupper() else _ALONE
        beyond = char > "\u024f"
        mixed = any(side.isalpha() and (side > "\u024f") != beyond for side in (before, after))
        return _ODD_PLACE if mixed else 0.0
    if not before and unicodedata.combining(char):
        return _ODD_PLACE
    if before.isalpha() and after.isalpha() and char not in _INSIDE_WORDS:
        return _ODD_PLACE
    if (before.isalpha() or after.isalpha()) and char not in _BESIDE_LETTERS:
        return _ODD_PLACE / 2
    if char in _AFTER_WORDS and after.isalpha() and not before.isalnum():
        return _ODD_PLACE / 2
    return 0.0


@cache
def _weights(language: str, code_page: str) -> Mapping[str, float]:
    """The logarithm of the probability of each character beyond ASCII."""
    weights = {}
    if language not in _COMMON:
        others = {letter for other in CODE_PAGES[code_page][1] for letter in ALPHABETS[other]}
        weights = {letter: math.log(_FOREIGN / len(others)) for letter in others}
        weights |= _falling([letter for letter in dict.fromkeys(ALPHABETS[language]) if letter > "\x7f"], _LETTERS)
        weights |= {"İ": math.log(0.08)} if language == "Turkish" else {}
    return weights | _falling(SIGNS, _SIGNS, 1)


def _falling(characters: Sequence[str], share: float, first: int = 3) -> dict[str, float]:
    """Probabilities that fall with the place of a character, as their logarithms."""
    parts = [1 / (place + first) for place in range(len(characters))]
    return {char: math.log(share * part / sum(parts)) for char, part in zip(characters, parts, strict=True)}


_COMMON: Final[dict[str, tuple[str, tuple[tuple[int, int], ...], int]]] = {
    "Japanese": ("euc_jp", ((0xB0, 0xCF),), 2965),
    "Chinese": ("gb2312", ((0xB0, 0xD7),), 3755),
    "Chinese (traditional)": ("big5", ((0xA4, 0xC6),), 5401),
    "Korean": ("euc_kr", ((0xB0, 0xC8),), 2350),
}
"""For each language with thousands of characters, the standard, the first bytes of its common ones, their number."""


@cache
def _rare(char: str, language: str) -> float:
    codec, ranges, number = _COMMON[language]
    if language == "Japanese" and _KANA.match(char):
        return math.log(0.5 / (80 if char < "\uff00" else 1600))
    if "\u3000" <= char <= "\u3011" or "\uff01" <= char <= "\uff5e" or char == "・":
        return math.log(0.05 / 30)
    try:
        lead = char.encode(codec)[0]
    except UnicodeEncodeError:
        return _OTHER * 1.2
    common = any(low <= lead <= high for low, high in ranges)
    return math.log(0.5 / number) if common else math.log(0.02 / 5000)
