"""The landing zone: raw bytes as received, a lossless all-text copy, a receipt."""

from vertebra.landing.collect import CollectOutcome, PayloadsRefusedError, collect, reparse

__all__ = ["CollectOutcome", "PayloadsRefusedError", "collect", "reparse"]
