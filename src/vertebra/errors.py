"""The exceptions of Vertebra: one root, and one message form.

    VertebraError
    ├── DeclarationError   a YAML, SQL or Python declaration is wrong (file and line)
    │   └── DeclarationErrors  all errors in a project's declarations
    ├── RuleError          a denial constraint is wrong (position in its text)
    ├── CollectError       a source could not be collected, or a payload was refused
    ├── EngineError        the Spark engine could not be started, reached, or failed
    │   ├── QueryError         it refused a query, or failed on a value in the data
    │   └── EngineMemoryError  a query did not fit into its memory
    ├── LakeError          a table, version or file of the lake is missing or inconsistent
    ├── BusyError          another run holds the lake
    ├── DriftError         a batch does not have the declared columns
    ├── QualityError       a rule declared ``on_violation: fail`` is violated
    ├── DecisionError      a decision is about a row, a cell or a violation that is not there
    ├── ProposalError      rules cannot be discovered, or accepted, as asked
    ├── SelectionError     a selection of steps matches nothing, or is not in the grammar
    ├── SqlError           a query of the lake cannot be answered
    ├── LeakageError       a feature uses a value that is not known at prediction time
    ├── RegistryError      a collector, format or other member of a registry is missing, or a plug-in is broken
    ├── PublishError       a table could not be sent to a publish target
    └── StepError          a pipeline step failed

Every message states a fact, its cause and what to do next, in that order. Control characters in it are written out.
"""

from __future__ import annotations

from collections.abc import Sequence

from vertebra.escape_control import escape_control


class VertebraError(Exception):
    """Root of all errors Vertebra raises on purpose.

    Args:
        fact: what is wrong, one sentence.
        cause: why, where that is not obvious from the fact.
        remedy: what to do next, with a command where there is one.
        where: ``file:line:column`` of the declaration, or the table, that the fact is about.
    """

    def __init__(self, fact: str, *, cause: str = "", remedy: str = "", where: str = "") -> None:
        self.fact = escape_control(fact)
        self.cause = escape_control(cause)
        self.remedy = escape_control(remedy)
        self.where = escape_control(where)
        super().__init__(self._text())

    def _text(self) -> str:
        lines = [f"{self.where}: {self.fact}" if self.where else self.fact]
        if self.cause:
            lines.append(f"  cause: {self.cause}")
        if self.remedy:
            lines.append(f"  next:  {self.remedy}")
        return "\n".join(lines)


class DeclarationError(VertebraError):
    """A declaration is wrong; ``where`` is its file and line."""


class DeclarationErrors(DeclarationError):  # noqa: N818 - it is several
    """All errors in the declarations of a project.

    Args:
        errors: at least one; the message lists them in this order.
    """

    def __init__(self, errors: Sequence[DeclarationError]) -> None:
        self.errors = tuple(errors)
        if len(self.errors) == 1:
            only = self.errors[0]
            super().__init__(only.fact, cause=only.cause, remedy=only.remedy, where=only.where)
        else:
            super().__init__(f"{len(self.errors)} declarations are wrong")

    def _text(self) -> str:
        if len(self.errors) == 1:
            return super()._text()
        return "\n\n".join([self.fact, *map(str, self.errors)])


class RuleError(VertebraError):
    """A denial constraint is wrong; the fact quotes it with a caret under the place."""


class CollectError(VertebraError):
    """A source could not be collected, or its answer was refused."""


class EngineError(VertebraError):
    """The Spark engine could not be started, reached, or failed."""


class QueryError(EngineError):
    """The Spark engine refused a query, or failed on a value in the data."""


class EngineMemoryError(EngineError):
    """A query did not fit into the memory of the Spark engine."""


class LakeError(VertebraError):
    """A table, a version or a file of the lake is missing or inconsistent."""


class BusyError(VertebraError):
    """Another run holds the lake."""


class DriftError(VertebraError):
    """The columns of a batch differ from the declared ones in a way the dataset forbids."""


class QualityError(VertebraError):
    """A rule declared ``on_violation: fail`` is violated."""


class DecisionError(VertebraError):
    """A decision is about a row, a cell or a violation that is not there."""


class ProposalError(VertebraError):
    """Rules cannot be discovered, or accepted, as asked.

    There is no such column, or there are too many; there is no such proposal, or two rules get the same name.
    """


class SelectionError(VertebraError):
    """A selection of steps matches nothing, or is not in the grammar."""


class SqlError(VertebraError):
    """A query of the lake cannot be answered."""


class LeakageError(VertebraError):
    """A feature uses a value that is not known at prediction time."""


class StepError(VertebraError):
    """A pipeline step failed."""


class PublishError(VertebraError):
    """A table could not be sent to a publish target; the target keeps its earlier content."""


class RegistryError(VertebraError):
    """A member of a registry does not exist, or a plug-in that adds one cannot be used."""
