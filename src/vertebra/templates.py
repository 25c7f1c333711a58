"""HTML and SVG from Jinja2 templates: every value is escaped, and no control character reaches a page."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from vertebra.escape_control import escape_control
from vertebra.formatting import counted, figure, percentage

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def render(package: str, name: str, **values: Any) -> Markup:
    """Render one template.

    Args:
        package: the package that holds the template in its folder ``templates``.
        name: of the template's file, e.g. ``page.html.j2``.
        values: what the template refers to. Text is escaped unless it is ``Markup``.

    Returns:
        The text, marked as safe for use in another template.
    """
    from markupsafe import Markup

    return Markup(_environment(package).get_template(name).render(**values))  # noqa: S704 - it escaped every value


@cache
def _environment(package: str) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {"percentage": percentage, "figure": figure, "counted": counted, "pixels": _pixels}
    return environment


def _finalize(value: object) -> object:
    """A value as it enters the page: nothing for None, markup as it is, text without control characters."""
    if value is None:
        return ""
    return value if hasattr(value, "__html__") else escape_control(str(value))


def _pixels(value: float) -> str:
    return f"{value:.6g}"
