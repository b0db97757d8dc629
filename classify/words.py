"""A linear head over the words of single prompts: how each is put, beside what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from .head import POWER, balanced

BUCKETS = 2**17
HEAD = 1500
"""Characters of a prompt that are read."""
EPOCHS = 8
PENALTY = 1e-4


@dataclass(frozen=True, slots=True)
class WordHead:
    """Logistic regression over hashed words and pairs of words.

    Attributes:
        weights: (BUCKETS,) float16; what each bucket adds to the log-odds.
        bias: the intercept.
    """

    weights: NDArray[np.float16]
    bias: float

    def scores(self, counted: sparse.csr_matrix) -> NDArray[np.float64]:
        """Return log-odds of extraction (n,) for prompts as `count_words` gives them."""
        return np.asarray(counted @ self.weights.astype(np.float64) + self.bias)


def count_words(texts: pa.Array | Sequence[str]) -> sparse.csr_matrix:
    """Count words and pairs of words by bucket, (n, BUCKETS): square roots, rows of length 1.

    Hashing needs no vocabulary, so a model holds no word of what it was trained on (Weinberger et
    al. 2009).
    """
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.preprocessing import normalize

    if isinstance(texts, pa.Array | pa.ChunkedArray):
        texts = pc.utf8_slice_codeunits(texts, 0, HEAD).to_pylist()
    words = HashingVectorizer(
        n_features=BUCKETS,
        ngram_range=(1, 2),
        token_pattern=r"\w+|[^\w\s]",
        alternate_sign=False,
        norm=None,
    )
    return normalize(words.transform(texts).sqrt())


def fit_words(
    counted: sparse.csr_matrix, extraction: NDArray[np.bool_], source: NDArray[np.int64]
) -> WordHead:
    """Fit the head by averaged stochastic gradient descent, weighted as `head.balanced` says.

    Args:
        counted: prompts as `count_words` gives them (n, BUCKETS).
        extraction: the label (n,).
        source: where each prompt is from (n,).
    """
    from sklearn.linear_model import SGDClassifier

    descent = SGDClassifier(
        loss="log_loss", alpha=PENALTY, max_iter=EPOCHS, tol=None, average=True, random_state=0
    )
    descent.fit(counted, extraction, sample_weight=balanced(extraction, source, POWER))
    return WordHead(descent.coef_[0].astype(np.float16), float(descent.intercept_[0]))
