"""What can be asked: OpenAPI as JSON, and a page for people that loads nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, Final

from vertebra.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vertebra.serve.served_model import ServedModel

_ERRORS: Final = {
    "422": {"description": "A field of the request is wrong, missing or unknown; `loc` names it."},
    "503": {"description": "The analysis has no model that can answer."},
}


def openapi(models: Sequence[ServedModel], protected: bool) -> dict[str, Any]:
    """The interface of the server as OpenAPI 3.1.

    Args:
        protected: whether requests have to bear a token.
    """
    schemas = {one.example.__name__: one.example.model_json_schema() for one in models}
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "Vertebra models", "version": installed_version()},
        "paths": {f"/predict/{one.analysis.name}": {"post": _operation(one)} for one in models}
        | {
            "/health": {
                "get": {"summary": "The models that answer.", "responses": {"200": {"description": "All do."}}}
            },
            "/metrics": {"get": {"summary": "Figures for Prometheus.", "responses": {"200": {"description": "Text."}}}},
        },
        "components": {"schemas": schemas},
    }
    if protected:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
    return found


def _operation(model: ServedModel) -> dict[str, Any]:
    row = {"$ref": f"#/components/schemas/{model.example.__name__}"}
    about = {"model": {"type": "string"}, "model_version": {"type": "string"}}
    answers = [
        {"type": "object", "properties": {"prediction": {}} | about},
        {"type": "object", "properties": {"predictions": {"type": "array"}} | about},
    ]
    return {
        "summary": model.analysis.description,
        "description": f"{model.name} version {model.version}. One object of features, or a list of them. "
        f"Features that are left out are looked up by the key ({', '.join(model.keys)}).",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [row, {"type": "array", "items": row}]}}},
        },
        "responses": {
            "200": {
                "description": "The prediction, or one for each row.",
                "content": {"application/json": {"schema": {"anyOf": answers}}},
            },
            **_ERRORS,
        },
    }


def page(models: Sequence[ServedModel], protected: bool) -> str:
    """The interface of the server as a page."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>Vertebra models</title>",
        "<style>body{font:16px system-ui;max-width:50rem;margin:2rem auto;padding:0 1rem}pre{background:#f4f4f4;"
        "padding:1rem;overflow:auto}td,th{padding:.2rem 1rem .2rem 0;text-align:left}</style>",
        "<h1>Vertebra models</h1><p>Also as <a href=openapi.json>OpenAPI</a>.",
        " Requests have to bear a token." if protected else "",
    ]
    for one in models:
        path = f"/predict/{one.analysis.name}"
        fields = "".join(
            f"<tr><td><code>{escape(name)}</code><td>{escape(str(one.types.field(name).type))}"
            f"<td>{'key' if name in one.keys else ''}"
            for name in dict.fromkeys([*one.features, *one.keys])
        )
        asked = json.dumps(dict.fromkeys(one.features))
        parts.append(
            f"<h2>POST {escape(path)}</h2><p>{escape(one.analysis.description)}"
            f"<p>{escape(one.name)} version {escape(one.version)}"
            f"<table><tr><th>field<th>type<th>{fields}</table>"
            f"<pre>curl -X POST -H 'Content-Type: application/json' -d '{escape(asked)}' …{escape(path)}</pre>"
        )
    return "\n".join(parts)
