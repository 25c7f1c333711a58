"""``vertebra.yaml``: the settings of a project, with a profile applied."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from vertebra.declare.document import read_document
from vertebra.declare.environment import Environment
from vertebra.declare.project import Settings, SettingsFile
from vertebra.declare.validation import validated
from vertebra.errors import DeclarationError
from vertebra.suggestions import did_you_mean

FILE: Final = "vertebra.yaml"
_ADAPTER: Final = TypeAdapter(SettingsFile)
_ABOUT_PROFILES: Final = {"profiles", "default_profile"}


def read_settings(
    root: Path, profile: str | None, engine: str | None, environment: Environment, errors: list[DeclarationError]
) -> tuple[Settings, str | None] | None:
    """Read the settings of a project; return them with the name of the profile that is applied.

    Only references in the settings that apply are resolved: variables of other profiles need not be set.

    Args:
        root: the project's folder.
        profile: the selected profile; None takes ``default_profile``.
        engine: in place of the declared engine.
        errors: receives all errors.

    Returns:
        None when there are errors.
    """
    document = read_document(root / FILE)
    if document.errors:
        errors += document.errors
        return None
    written = validated(_ADAPTER, document, document.value or {}, FILE, errors)
    if written is None:
        return None
    chosen = profile or written.default_profile
    if chosen is not None and chosen not in written.profiles:
        errors.append(
            DeclarationError(
                f"there is no profile {chosen}",
                cause=f"{FILE} declares {', '.join(written.profiles) or 'no profiles'}",
                remedy=did_you_mean(chosen, written.profiles, f"add it under `profiles:` in {FILE}"),
                where=document.where(("profiles",) if profile else ("default_profile",)),
            )
        )
        return None
    values = written.model_dump(exclude=_ABOUT_PROFILES, exclude_none=True)
    places: dict[str, tuple[str, ...]] = {key: (key,) for key in values}
    if chosen is not None:
        overrides = written.profiles[chosen].model_dump(exclude_none=True)
        values |= overrides
        places |= {key: ("profiles", chosen, key) for key in overrides}
    if engine is not None:
        values["engine"] = engine
    before = len(errors)
    resolved = {
        key: value
        if not isinstance(value, str) or (key == "engine" and engine is not None)
        else environment.resolved(value, document, places[key], errors)
        for key, value in values.items()
    }
    if len(errors) > before:
        return None
    try:
        return Settings.model_validate(resolved), chosen
    except ValidationError as error:
        for found in error.errors(include_url=False):
            key = str(found["loc"][0])
            fact, _, remedy = str(found["ctx"]["error"]).partition("; ")
            asked = key == "engine" and engine is not None
            where = "--engine" if asked else document.where(places[key])
            errors.append(DeclarationError(f"{key}: {fact}", remedy=remedy, where=where))
        return None
