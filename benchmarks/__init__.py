"""Benchmarks: Vertebra against what people use today, measured in the same run and told as ratios."""
