"""HTML and SVG as text, escaped by construction: what is not made by :func:`el` is text."""

from __future__ import annotations

from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "br", "hr", "img", "line", "rect", "circle", "path", "polyline", "polygon"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def el(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element.

    Args:
        children: markup, or text, which is escaped; None is left out, a list is its items.
        attributes: by name; ``class_`` is ``class``, other underscores are hyphens. None is left out, True has no
            value.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        shown = key.rstrip("_").replace("_", "-")
        parts.append(f" {shown}" if value is True else f' {shown}="{escape(_attribute(value))}"')
    if name in _VOID and not children:
        return Markup("".join([*parts, "/>"]))
    return Markup("".join([*parts, ">", join(children), f"</{name}>"]))


def join(children: object) -> Markup:
    """Markup and escaped text, one after the other."""
    if children is None or children is False:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, list | tuple):
        return Markup("".join(join(child) for child in children))
    return Markup(escape(_clean(str(children))))


def _attribute(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _clean(str(value))


def _clean(text: str) -> str:
    """Without the control characters that HTML and XML have no way to write."""
    return "".join(c if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff\x7f") else "\ufffd" for c in text)
