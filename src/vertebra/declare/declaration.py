"""What every declaration is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
Flag = Annotated[bool, Strict()]
"""``true`` or ``false``, and no other word."""


class Declaration(BaseModel):
    """A declaration: unknown keys are errors, and values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
