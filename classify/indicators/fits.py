"""Which prompts fit a campaign's skeletons, by their words or by their meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ..campaigns.corpus import Corpus
from ..campaigns.fingerprints import Hashes, find_runs
from .profile import Skeleton

HELD = 0.5
"""A prompt fits where it holds so much of the skeleton's runs of five words."""
FEWEST = 4
"""Runs of five words that a skeleton has at least: fewer stand in other people's prompts too."""
BLOCK = 65_536
"""Vectors that are compared at once."""

Bools = NDArray[np.bool_]


def runs_of(skeleton: str) -> Hashes:
    """Return the different runs of five words between a skeleton's slots, by their hashes.

    >>> len(runs_of("Solve this: {} Then say in one line what you did."))
    4
    """
    parts = pa.array(skeleton.split("{}"), pa.large_string())
    return np.unique(find_runs(parts).hash)


def fit_by_words(texts: pa.Array, skeletons: Sequence[str]) -> sparse.csr_array:
    """Return 1 where a text holds half of a skeleton's runs (texts, skeletons) float64."""
    runs = [runs_of(text) for text in skeletons]
    wanted = np.unique(np.concatenate([np.empty(0, np.uint64), *runs]))
    found = find_runs(texts, wanted)
    ones = np.ones(len(found.prompt))
    place = np.searchsorted(wanted, found.hash)
    held = sparse.coo_array((ones, (found.prompt, place)), shape=(len(texts), len(wanted)))
    sizes = [len(one) for one in runs]
    share = np.repeat([1.0 / max(size, 1) for size in sizes], sizes)
    own = (
        np.searchsorted(wanted, np.concatenate([wanted[:0], *runs])),
        np.repeat(np.arange(len(runs)), sizes),
    )
    of = sparse.coo_array((share, own), shape=(len(wanted), len(runs)))
    part = sparse.csr_array(held.tocsr() @ of.tocsr())
    part.data = (part.data >= HELD - 1e-9).astype(np.float64)
    part.eliminate_zeros()
    return part


def fit_by_meaning(corpus: Corpus, skeletons: Sequence[Skeleton]) -> Bools:
    """Return where a distinct prompt is nearer a skeleton's mean than others are (distinct,)."""
    means = np.stack([one.vector() for one in skeletons])
    near = np.array([one.near for one in skeletons], dtype=np.float32)
    numbers = np.arange(len(corpus.texts))
    blocks = [
        (corpus.vectors(numbers[start : start + BLOCK]) @ means.T > near).any(axis=1)
        for start in range(0, len(numbers), BLOCK)
    ]
    return np.concatenate([np.empty(0, np.bool_), *blocks])
