"""Known prompts of each kind, to say what a new prompt is most like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans

KINDS = ("organic", "application", "extraction")
PER_KIND = 640
"""Known prompts of each kind, alike so that no kind is near by being many."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The known prompt of each kind that is nearest to each of some prompts.

    Attributes:
        similarity: cosine (n, kinds) float32; 0 where no prompt of a kind is known.
        source: where the known prompt is from (n, kinds) int64.
    """

    similarity: NDArray[np.float32]
    source: NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """Vectors of prompts that a model's training traffic held.

    Attributes:
        vectors: quantised to steps of 1/127 (known, dimension) int8.
        kind: position in `KINDS` (known,) int64.
        source: where each is from (known,) int64.
    """

    vectors: NDArray[np.int8]
    kind: NDArray[np.int64]
    source: NDArray[np.int64]

    def nearest(self, vectors: NDArray[np.float32]) -> Nearest:
        """Return the nearest known prompt of each kind for unit vectors (n, dimension)."""
        found = np.zeros((len(vectors), len(KINDS)), dtype=np.float32)
        source = np.zeros((len(vectors), len(KINDS)), dtype=np.int64)
        similarity = vectors @ self._unit.T
        for kind, of_kind in enumerate(self._members):
            if len(of_kind):
                best = of_kind[similarity[:, of_kind].argmax(axis=1)]
                found[:, kind] = similarity[np.arange(len(similarity)), best]
                source[:, kind] = self.source[best]
        return Nearest(found, source)

    @cached_property
    def _unit(self) -> NDArray[np.float32]:
        known = self.vectors.astype(np.float32)
        known /= np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-12)
        return known

    @cached_property
    def _members(self) -> list[NDArray[np.int64]]:
        return [np.flatnonzero(self.kind == kind) for kind in range(len(KINDS))]


def choose_known(
    vectors: NDArray[np.float32], kind: NDArray[np.int64], source: NDArray[np.int64]
) -> Known:
    """Choose prompts near the centres of k-means, as many from each source of a kind.

    Args:
        vectors: unit vectors of training prompts (n, dimension).
        kind: position in `KINDS` (n,).
        source: where each prompt is from (n,); any grouping that keeps like with like will do.
    """
    chosen: list[int] = []
    for one_kind in np.unique(kind):
        sources = np.unique(source[kind == one_kind])
        for one_source in sources:
            members = np.flatnonzero((source == one_source) & (kind == one_kind))
            chosen += _central(vectors, members, max(1, PER_KIND // len(sources))).tolist()
    rows = np.array(chosen, dtype=np.int64)
    return Known(np.round(vectors[rows] * 127).astype(np.int8), kind[rows], source[rows])


def _central(
    vectors: NDArray[np.float32], members: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    if len(members) <= count:
        return members
    means = MiniBatchKMeans(count, random_state=0, n_init=1, batch_size=1024)
    centres = means.fit(vectors[members]).cluster_centers_
    return np.unique(members[(vectors[members] @ centres.T).argmax(axis=0)])
