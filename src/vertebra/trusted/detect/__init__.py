"""Finding what violates the rules of a table: exactly, in near-linear time, without joining the table with itself."""

from vertebra.trusted.detect.detection import Detection, RuleCount, detect
from vertebra.trusted.detect.explain import RulePlan, explain

__all__ = ["Detection", "RuleCount", "RulePlan", "detect", "explain"]
