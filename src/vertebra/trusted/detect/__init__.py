"""Detection of the violations of rules: exact, in near-linear time, without joining the table with itself."""

from vertebra.trusted.detect.detection import Detection, detect
from vertebra.trusted.detect.explain import RulePlan, explain
from vertebra.trusted.detect.rule_count import RuleCount, removal_for_all

__all__ = ["Detection", "RuleCount", "RulePlan", "detect", "explain", "removal_for_all"]
