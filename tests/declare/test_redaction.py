"""Secrets are found in texts and files in every form they are sent in."""

from __future__ import annotations

import html
import io
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import examples
from vertebra.declare import redaction
from vertebra.declare.redaction import NO_SECRETS, Redaction

SECRET = 'a/b+c=d e"f&g<ü'
FORMS = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in a query": quote,
    "in a form": quote_plus,
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in HTML": html.escape,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_becomes_the_reference(form):
    redact = Redaction({"TOKEN": SECRET})
    sent = form(SECRET)
    assert redact(f"key={sent}&page=1") == "key=${TOKEN}&page=1"
    assert b"".join(redact.blocks(io.BytesIO(f"<{sent}>".encode()))) == b"<${TOKEN}>"
    assert redact.finds(sent)


def test_the_longer_of_two_secrets_goes_first_and_short_ones_stay():
    redact = Redaction({"SHORT": "abc", "PART": "token", "WHOLE": "token-and-more"}, ["unnamed"])
    assert redact("abc token token-and-more unnamed") == "abc ${PART} ${WHOLE} ${secret_1}"
    assert NO_SECRETS("anything") == "anything"


@settings(deadline=None, max_examples=examples(fast=50, thorough=200))
@given(st.lists(st.sampled_from(["tok", "en", "token!", "-", "tok%65n!", "x" * 7]), max_size=30), st.integers(1, 9))
def test_blocks_say_what_the_text_says(parts, size):
    redact, text = Redaction({"T": "token!"}), "".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redaction, "_BLOCK", size)
        found = b"".join(redact.blocks(io.BytesIO(text.encode())))
    assert found.decode() == redact(text)
