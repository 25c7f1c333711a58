"""What a person should know about the encodings of payloads that were landed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertebra.formatting import counted
from vertebra.landing.port import Warned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vertebra.lake.batches import Batch


def encoding_warnings(batches: Sequence[Batch]) -> Iterator[Warned]:
    """Warnings about encodings that were guessed, one for each, and about lines in another encoding than most."""
    guessed: dict[str, list[Batch]] = {}
    for batch in batches:
        text = batch.receipt.text
        if "confidence" in text:
            guessed.setdefault(text["encoding"], []).append(batch)
        for name, lines in text.get("other_lines", {}).items():
            first = ", ".join(f"{line:,}" for line in lines["first"])
            more = " …" if lines["lines"] > len(lines["first"]) else ""
            yield Warned(
                f"batch {batch.number} has {counted(lines['lines'], 'line')} in {name}",
                f"lines {first}{more} do not decode in the first encoding of parse.encoding",
                "look at these lines in the payload, and ask the source for one encoding",
            )
    for name, found in guessed.items():
        numbers = f"batch {found[0].number}" if len(found) == 1 else f"{counted(len(found), 'batch', 'batches')}"
        confidence = min(batch.receipt.text["confidence"] for batch in found)
        yield Warned(
            f"the encoding of {numbers} was guessed: {name}, confidence {confidence:.1%}",
            "payloads that are not UTF-8 do not say their encoding, so it is judged by their words",
            f"check that the text reads right, and declare parse: {{encoding: {name.partition(',')[0]}}}",
        )
