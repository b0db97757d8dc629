"""The nearest neighbours of every vector among all of them, by FAISS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..embed.runtime import faiss, faiss_alone

FLAT, SCANNED = 5_000, 50_000
"""Up to so many vectors are compared one with all; exactly, then by short codes."""
CODE, REFINED = 96, 8
"""Sub-quantizers of a code, and how many times `k` the exact comparison after it takes."""
PER_LIST, PROBES, TRAINING = 500, 12, 64
"""Mean vectors in a list, how many lists are compared with each, and how many train its centre."""
BLOCK = 65536
RESOLUTION = 1e-3
"""Unit float32 vectors closer than this are the same: their cosine differs from 1 by rounding."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest neighbours of each vector, itself left out, nearest first.

    Attributes:
        numbers: (n, k) int32.
        distances: Euclidean, at least `RESOLUTION` (n, k) float32.
    """

    numbers: NDArray[np.int32]
    distances: NDArray[np.float32]


def nearest_neighbours(vectors: NDArray[np.float32], k: int) -> Neighbours:
    """Find the `k` nearest neighbours of unit vectors (n, dimension), n > k.

    Few are compared exactly; more by product-quantization codes scanned in registers (André,
    Kermarrec and Le Scouarnec 2015) and then exactly; many within the lists of k-means that lie
    nearest, in blocks. The same vectors give the same neighbours.
    """
    if len(vectors) <= FLAT:
        found = _flat(vectors, k + 1)
    elif len(vectors) <= SCANNED:
        found = _scanned(vectors, k + 1)
    else:
        found = _listed(vectors, k + 1)
    return _without_self(*found)


def _flat(vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    library = faiss()
    similarities, numbers = library.knn(vectors, vectors, k, metric=library.METRIC_INNER_PRODUCT)
    return _distances(similarities), numbers.astype(np.int32)


def _scanned(vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    codes = next(m for m in range(CODE, 0, -1) if vectors.shape[1] % m == 0)
    with faiss_alone() as library:
        index = library.index_factory(vectors.shape[1], f"PQ{codes}x4fs,RFlat")
        index.train(vectors)
    index.add(vectors)
    index.k_factor = REFINED
    squares, numbers = index.search(vectors, k)
    return np.sqrt(squares), numbers.astype(np.int32)


def _listed(vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    library = faiss()
    centres, owner = _lists(vectors, len(vectors) // PER_LIST)
    order = np.argsort(owner, kind="stable").astype(np.int32)
    members = np.split(order, np.searchsorted(owner[order], np.arange(1, len(centres))))
    _, near = library.knn(
        centres, centres, min(PROBES, len(centres)), metric=library.METRIC_INNER_PRODUCT
    )
    distances = np.full((len(vectors), k), 2.0, dtype=np.float32)
    numbers = np.repeat(np.arange(len(vectors), dtype=np.int32)[:, None], k, axis=1)
    for mine, lists in zip(members, near, strict=True):
        if not len(mine):
            continue
        others = np.concatenate([members[number] for number in lists])
        most = min(k, len(others))
        similarities, places = library.knn(
            vectors[mine], vectors[others], most, metric=library.METRIC_INNER_PRODUCT
        )
        distances[mine, :most] = _distances(similarities)
        numbers[mine, :most] = others[places]
    return distances, numbers


def _lists(
    vectors: NDArray[np.float32], lists: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Divide unit vectors by spherical k-means, trained on an even sample.

    Plain k-means has a mean near the origin that draws all that belongs nowhere into one list.
    """
    library = faiss()
    step = max(1, len(vectors) // (lists * TRAINING))
    means = library.Kmeans(
        vectors.shape[1],
        lists,
        niter=8,
        spherical=True,
        max_points_per_centroid=TRAINING,
        min_points_per_centroid=1,
    )
    means.train(np.ascontiguousarray(vectors[::step]))
    centres = np.asarray(means.centroids)
    owner = np.empty(len(vectors), dtype=np.int64)
    for start in range(0, len(vectors), BLOCK):
        block = np.ascontiguousarray(vectors[start : start + BLOCK])
        _, nearest = library.knn(block, centres, 1, metric=library.METRIC_INNER_PRODUCT)
        owner[start : start + BLOCK] = nearest[:, 0]
    return centres, owner


def _distances(similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn cosines into Euclidean distances of unit vectors, in place."""
    np.multiply(similarities, -2.0, out=similarities)
    similarities += 2.0
    np.maximum(similarities, 0.0, out=similarities)
    return np.sqrt(similarities, out=similarities)


def _without_self(distances: NDArray[np.float32], numbers: NDArray[np.int32]) -> Neighbours:
    """Drop each vector from its own neighbours; where it is not among them, the farthest."""
    n, k = numbers.shape
    own = numbers == np.arange(n, dtype=np.int32)[:, None]
    drop = np.where(own.any(axis=1), own.argmax(axis=1), k - 1)
    kept = np.ones((n, k), dtype=bool)
    kept[np.arange(n), drop] = False
    return Neighbours(
        numbers[kept].reshape(n, k - 1),
        np.maximum(distances[kept].reshape(n, k - 1), RESOLUTION),
    )
