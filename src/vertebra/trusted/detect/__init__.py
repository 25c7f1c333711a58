"""Finding what violates the rules of a table: exactly, in near-linear time, without joining the table with itself."""

from vertebra.trusted.detect.detection import Detection, RuleCount, detect

__all__ = ["Detection", "RuleCount", "detect"]
