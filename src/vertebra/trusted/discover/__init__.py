"""Discovery of the rules of a table: candidates from a sample, verified exactly, ranked by interest."""

from vertebra.trusted.discover.discovery import discover
from vertebra.trusted.discover.kind import KINDS
from vertebra.trusted.discover.proposal import Proposal
from vertebra.trusted.discover.subject import Subject

__all__ = ["KINDS", "Proposal", "Subject", "discover"]
