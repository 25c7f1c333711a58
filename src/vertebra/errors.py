"""The exceptions of Vertebra: one root, and one message form.

    VertebraError
    ├── DeclarationError   a YAML, SQL or Python declaration is wrong (file and line)
    ├── RuleError          a denial constraint is wrong (position in its text)
    ├── CollectError       a source could not be collected, or a payload was refused
    ├── EngineError        the Spark engine could not be reached or refused a plan
    ├── LakeError          a table, version or file of the lake is missing or inconsistent
    ├── BusyError          another run holds the lake
    ├── DriftError         a batch does not have the declared columns
    ├── QualityError       a rule declared ``on_violation: fail`` is violated
    ├── LeakageError       a feature uses what is not known at prediction time
    └── StepError          a pipeline step failed

Every message states a fact, its cause and what to do next, in that order.
"""

from __future__ import annotations


class VertebraError(Exception):
    """Root of all errors Vertebra raises on purpose.

    Args:
        fact: what is wrong, one sentence.
        cause: why, where that is not obvious from the fact.
        remedy: what to do next, with a command where there is one.
        where: ``file:line:column`` of the declaration, or the table, that the fact is about.
    """

    def __init__(self, fact: str, *, cause: str = "", remedy: str = "", where: str = "") -> None:
        self.fact = fact
        self.cause = cause
        self.remedy = remedy
        self.where = where
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


class RuleError(VertebraError):
    """A denial constraint is wrong; the fact quotes it with a caret under the place."""


class CollectError(VertebraError):
    """A source could not be collected, or what it answered was refused."""


class EngineError(VertebraError):
    """The Spark engine could not be started, reached, or refused a plan."""


class LakeError(VertebraError):
    """A table, a version or a file of the lake is missing or inconsistent."""


class BusyError(VertebraError):
    """Another run holds the lake."""


class DriftError(VertebraError):
    """The columns of a batch differ from the declared ones in a way the dataset forbids."""


class QualityError(VertebraError):
    """A rule declared ``on_violation: fail`` is violated."""


class LeakageError(VertebraError):
    """A feature uses a value that is not known at prediction time."""


class StepError(VertebraError):
    """A pipeline step failed."""
