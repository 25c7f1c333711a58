"""Text features: the words of a column as numbers, by TF-IDF fitted on the rows a model is fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Words(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """TF-IDF of one column of texts: single words and pairs, without case and accents; a missing text has no words.

    Attributes:
        most: the most words, the most frequent in the rows that it is fitted on.
        rare: the fewest rows that a word is in.
    """

    def __init__(self, most: int = 300, rare: int = 2) -> None:
        self.most, self.rare = most, rare

    def fit(self, rows: Any, label: Any = None) -> Words:
        """Learn the words and their weights."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        options = {"strip_accents": "unicode", "ngram_range": (1, 2), "sublinear_tf": True, "max_features": self.most}
        self.words_: Any = TfidfVectorizer(min_df=self.rare, dtype=np.float32, **options)
        try:
            self.words_.fit(_texts(rows))
        except ValueError:  # no word is in enough rows
            self.words_ = None
        return self

    def transform(self, rows: Any) -> Any:
        """The weight of each word in each row, float32."""
        if self.words_ is None:
            return np.zeros((len(rows), 0), np.float32)
        return self.words_.transform(_texts(rows)).toarray()

    def get_feature_names_out(self, names: Any = None) -> Any:
        """The words."""
        return np.empty(0, object) if self.words_ is None else self.words_.get_feature_names_out()


class Numbers(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Columns of numbers among texts, as float32."""

    def fit(self, rows: Any, label: Any = None) -> Numbers:
        """Nothing is learnt."""
        self.fitted_ = True
        return self

    def transform(self, rows: Any) -> Any:
        """The numbers."""
        return np.asarray(rows, np.float32)


def _texts(rows: Any) -> list[str]:
    return ["" if text is None or text != text else str(text) for text in np.asarray(rows, object)[:, 0]]
