"""The nearest neighbours of every vector among all of them, by FAISS."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..embed.runtime import faiss

FLAT, SCANNED = 5_000, 50_000
"""Up to so many vectors are compared one with all; exactly, then by short codes."""
CODE, REFINED = 96, 8
"""Sub-quantizers of a code, and how many times `k` the exact comparison after it takes."""
PER_LIST, PROBES = 256, 8
"""Mean vectors in a list, and how many lists are compared with each."""
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


def _flat(
    vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    library = faiss()
    similarities, numbers = library.knn(
        vectors, vectors, k, metric=library.METRIC_INNER_PRODUCT
    )
    return _distances(similarities), numbers.astype(np.int32)


def _scanned(
    vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    codes = next(m for m in range(CODE, 0, -1) if vectors.shape[1] % m == 0)
    index = faiss().index_factory(vectors.shape[1], f"PQ{codes}x4fs,RFlat")
    index.train(vectors)
    index.add(vectors)
    index.k_factor = REFINED
    squares, numbers = index.search(vectors, k)
    return np.sqrt(squares), numbers.astype(np.int32)


def _listed(
    vectors: NDArray[np.float32], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    library = faiss()
    centres, owner = _lists(vectors, len(vectors) // PER_LIST)
    order = np.argsort(owner, kind="stable").astype(np.int32)
    members = np.split(order, np.searchsorted(owner[order], np.arange(1, len(centres))))
    _, near = library.knn(centres, centres, PROBES)
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
    """Divide vectors by k-means twice over: into about √lists parts, and each of those again."""
    parts = int(np.sqrt(lists))
    step = max(1, len(vectors) // (parts * PER_LIST))
    part = _assigned(vectors, _means(np.ascontiguousarray(vectors[::step]), parts))
    order = np.argsort(part, kind="stable")
    owner = np.empty(len(vectors), dtype=np.int64)
    centres: list[NDArray[np.float32]] = []
    first = 0
    for rows in np.split(order, np.searchsorted(part[order], np.arange(1, parts))):
        if len(rows):
            own = vectors[rows]
            means = _means(own, max(1, round(len(rows) / PER_LIST)))
            owner[rows] = first + _assigned(own, means)
            first += len(means)
            centres.append(means)
    return np.concatenate(centres), owner


def _means(vectors: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    means = faiss().Kmeans(
        vectors.shape[1],
        k,
        niter=8,
        max_points_per_centroid=64,
        min_points_per_centroid=1,
    )
    means.train(vectors)
    return np.asarray(means.centroids)


def _assigned(vectors: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    blocks = range(0, len(vectors), 65536)
    nearest = [faiss().knn(vectors[i : i + 65536], centres, 1)[1][:, 0] for i in blocks]
    return np.concatenate(nearest)


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
