"""Texts near in meaning, without an encoder: what one person asks in one sitting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SPREAD = 3
"""How many times as many nearest texts are drawn from as are wanted."""


class Neighbourhood:
    """Texts by the cosine of their TF-IDF over pieces of words, which any script has."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Count the pieces of `texts`."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.texts = texts
        pieces = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 4), max_features=30_000, sublinear_tf=True
        )
        self._rows = pieces.fit_transform(text[:1000] for text in texts).tocsr()

    def around(self, middle: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return positions of `count` of the texts nearest to one of them, itself first."""
        similarity = (self._rows @ self._rows[middle].T).toarray().ravel()
        similarity[middle] = 2.0
        nearest = np.argsort(-similarity, kind="stable")[: SPREAD * count]
        return np.concatenate([nearest[:1], rng.permutation(nearest[1:])[: count - 1]])
