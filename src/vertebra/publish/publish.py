"""A publish step: sends the pinned version of a table to its target, and records it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vertebra.errors import PublishError
from vertebra.governance.context import StepOutcome, silent
from vertebra.governance.step_facts import PublishFacts
from vertebra.publish.file_store import without_credentials
from vertebra.publish.mark import Mark
from vertebra.publish.pinned_table import PinnedTable
from vertebra.publish.port import Publishing, publish_target

if TYPE_CHECKING:
    from vertebra.declare.publication import Publication
    from vertebra.governance.context import StepContext
    from vertebra.publish.port import Receipt

VERSION: Final = 1
"""Rises when publishing would send something else for the same table and declaration, whatever the target."""

_LEDGER: Final = "publications"


def publish_versions(declaration: Publication) -> dict[str, int | str]:
    """The declared versions of the code that affects what a publication sends, for its fingerprint.

    Raises:
        RegistryError: the target's plug-in is no longer installed.
    """
    target = publish_target(declaration.to)
    return {"publish": VERSION, f"publish target {target.name}": target.version}


def publish(
    declaration: Publication, ctx: StepContext, project: str, root: Path, schemes: tuple[str, ...]
) -> StepOutcome:
    """Send a table to a target and record it in ``governance.publications``.

    A process that is killed between sending and recording leaves the new content at the target. The next run sends it
    again. Readers do not notice, because the target replaces the content by equal content in one step.

    Args:
        project: the project's name.
        root: the project's folder.
        schemes: URL schemes that the project allows.

    Raises:
        PublishError: the target refuses the table; its content is unchanged.
    """
    version = ctx.inputs[declaration.table]
    target = publish_target(declaration.to)
    about = {"table_name": declaration.table, "table_version": version, "target": target.name}
    mark = Mark(project, declaration.name, declaration.table, version)
    try:
        table = PinnedTable(ctx.lake.table(declaration.table), version, declaration.columns)
        publishing = Publishing(root, ctx.lake.root, schemes, ctx.scratch, mark, ctx.progress)
        receipt = target.send(declaration, table, publishing)
    except Exception as error:
        _record(declaration, ctx, about | {"state": "failed"})
        if isinstance(error, PublishError):
            raise _located(error, declaration) from error
        raise
    location = without_credentials(receipt.location)
    _record(declaration, ctx, about | {"state": "sent", "location": location, **_taken(receipt)})
    return StepOutcome(rows=receipt.rows, version=version, facts=PublishFacts(location))


def purge(
    declaration: Publication, project: str, root: Path, lake: Path, schemes: tuple[str, ...], scratch: Path
) -> None:
    """Remove what earlier contents left at a target, after records were forgotten and the table was sent again.

    Args:
        project: the project's name.
        root: the project's folder.
        lake: the folder of the lake.
        schemes: URL schemes that the project allows.
        scratch: a folder for intermediate files.

    Raises:
        PublishError: the target cannot do it.
    """
    target = publish_target(declaration.to)
    if target.purge is not None:
        mark = Mark(project, declaration.name, declaration.table, 0)
        target.purge(declaration, Publishing(root, lake, schemes, scratch, mark, silent))


def _record(declaration: Publication, ctx: StepContext, row: dict[str, Any]) -> None:
    about = {"run_id": ctx.run_id, "publication": declaration.name, "fingerprint": ctx.fingerprint}
    ctx.ledgers.append(_LEDGER, [about | row | {"recorded_at": ctx.now}], ctx.commit())


def _located(error: PublishError, declaration: Publication) -> PublishError:
    where = error.where or str(declaration.declared_at or "")
    return PublishError(error.fact, cause=error.cause, remedy=error.remedy, where=where)


def _taken(receipt: Receipt) -> dict[str, Any]:
    return {"rows": receipt.rows, "bytes": receipt.bytes, "sha256": receipt.sha256}
