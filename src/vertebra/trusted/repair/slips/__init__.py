"""Values that are one slip away from others, for the repair method ``typo``."""
