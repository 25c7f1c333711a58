"""Evidence: for every pair of rows of a sample, on which columns the two agree and on which they differ.

Pairs with the same evidence are counted together (the *agree sets* of dependency discovery, the equality part of the
*evidence sets* of denial constraint discovery): the few distinct ones decide about any dependency over the columns. A
NULL agrees with nothing and differs from nothing, as in detection.

References: Lopes, Petit and Lakhal, "Efficient Discovery of Functional Dependencies and Armstrong Relations", EDBT 2000
(agree sets). Chu, Ilyas and Papotti, "Discovering Denial Constraints", PVLDB 6(13), 2013 (evidence sets, FASTDC).
Bleifuß, Kruse and Naumann, "Efficient Denial Constraint Discovery with Hydra", PVLDB 11(3), 2017 (evidence from a
sample, completed by what verification finds). Pena, de Almeida and Naumann, "Discovery of Approximate (and Exact)
Denial Constraints", PVLDB 13(3), 2019 (DCFinder: evidence with multiplicities for approximate constraints).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from vertebra.trusted.discover.sample import Sample

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Weights = np.ndarray[Any, np.dtype[np.float64]]

_BLOCK: Final = 256


@dataclass(frozen=True)
class PairEvidence:
    """The distinct evidence of pairs of rows.

    Attributes:
        columns: the p columns of the evidence.
        equal: m × p: the pair agrees on the column.
        differ: m × p: both rows have a value, and the values differ.
        weight: m: how many pairs have this evidence.
    """

    columns: tuple[str, ...]
    equal: Flags
    differ: Flags
    weight: Weights

    def joined(self, equal: Flags, differ: Flags) -> PairEvidence:
        """The evidence with single pairs added, e.g. counterexamples from verification."""
        return PairEvidence(
            self.columns,
            np.concatenate([self.equal, equal]),
            np.concatenate([self.differ, differ]),
            np.concatenate([self.weight, np.ones(len(equal))]),
        )


def pair_evidence(sample: Sample, columns: Sequence[str]) -> PairEvidence:
    """The evidence of all pairs of rows of a sample.

    Pairs are distinguished by a random 64-bit sum over the columns on which they agree and differ, so that any number
    of columns fits; of n pairs, two with different evidence collide with a probability below n² / 2⁶⁵.
    """
    codes = [sample.codes[name] for name in columns]
    complete = [bool((code >= 0).all()) for code in codes]
    generator = np.random.default_rng(len(columns))
    marks = generator.integers(1, 2**63, size=(2, len(columns)), dtype=np.uint64)
    found: dict[int, int] = {}
    first: list[tuple[int, int]] = []
    weight: list[int] = []
    for start in range(0, sample.rows, _BLOCK):
        stop = min(start + _BLOCK, sample.rows)
        sums = np.zeros((stop - start, sample.rows - start), dtype=np.uint64)
        for place, code in enumerate(codes):
            one, two = code[start:stop, None], code[None, start:]
            same = one == two
            if complete[place]:
                sums += same * marks[0, place]
            else:
                both = (one >= 0) & (two >= 0)
                sums += (same & both) * marks[0, place]
                sums += (both & ~same) * marks[1, place]
        rows, others = np.triu_indices(stop - start, 1, sample.rows - start)
        kinds, index, counts = np.unique(sums[rows, others], return_index=True, return_counts=True)
        for kind, position, count in zip(kinds.tolist(), index.tolist(), counts.tolist(), strict=True):
            known = found.setdefault(kind, len(weight))
            if known == len(weight):
                weight.append(0)
                first.append((start + int(rows[position]), start + int(others[position])))
            weight[known] += count
    pairs = np.array(first, dtype=np.int64).reshape(-1, 2)
    equal, differ = between(codes, pairs)
    return PairEvidence(tuple(columns), equal, differ, np.array(weight, dtype=np.float64))


def between(codes: Sequence[np.ndarray[Any, Any]], pairs: np.ndarray[Any, Any]) -> tuple[Flags, Flags]:
    """On which columns the rows of each pair agree, and on which they differ.

    Args:
        codes: p columns of codes, -1 for NULL.
        pairs: m × 2 row numbers.
    """
    equal = np.zeros((len(pairs), len(codes)), dtype=bool)
    differ = np.zeros((len(pairs), len(codes)), dtype=bool)
    for place, code in enumerate(codes):
        one, two = code[pairs[:, 0]], code[pairs[:, 1]]
        both = (one >= 0) & (two >= 0)
        equal[:, place] = both & (one == two)
        differ[:, place] = both & (one != two)
    return equal, differ
