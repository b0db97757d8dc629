"""The minimum spanning tree of mutual reachability over a graph of nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from .neighbours import RESOLUTION, Neighbours

ASKED, AMONG = 20_000, 20_000
"""Most vectors of separate parts that are compared, and with how many, to join the parts."""
BLOCK = 512


def core_distances(
    found: Neighbours, weights: NDArray[np.int64], min_samples: int
) -> NDArray[np.float32]:
    """Return how far the `min_samples`-th other point lies, a vector counting `weights` times.

    Where fewer neighbours are known, the farthest known stands in.
    """
    near = np.cumsum(weights[found.numbers], axis=1) + (weights - 1)[:, None] >= min_samples
    place = np.where(near.any(axis=1), near.argmax(axis=1), near.shape[1] - 1)
    core = found.distances[np.arange(len(place)), place]
    return np.where(weights > min_samples, np.float32(RESOLUTION), core)


def spanning_tree(
    vectors: NDArray[np.float32], found: Neighbours, core: NDArray[np.float32]
) -> csr_matrix:
    """Return the n - 1 edges as a sparse matrix (n, n).

    The length of an edge is the mutual reachability max(core, core, distance) of Campello,
    Moulavi and Sander (2013). Where the graph falls apart, its parts are joined by the shortest
    edge between them: in rounds (Borůvka 1926), each part by the nearest vector outside it. Up
    to `ASKED` vectors outside the largest part this is exact among up to `AMONG`; else among an
    even sample.
    """
    n, k = found.numbers.shape
    lengths = np.maximum(found.distances, core[:, None])
    np.maximum(lengths, core[found.numbers], out=lengths)
    starts = np.arange(0, n * k + 1, k)
    graph = csr_matrix((lengths.ravel(), found.numbers.ravel(), starts), shape=(n, n))
    tree = minimum_spanning_tree(graph)
    while True:
        parts, part = connected_components(tree, directed=False)
        if parts == 1:
            break
        tree = minimum_spanning_tree(tree + _joins(vectors, core, part))
    return tree


def _joins(
    vectors: NDArray[np.float32], core: NDArray[np.float32], part: NDArray[np.int32]
) -> csr_matrix:
    """Return the shortest edge found out of each part but the largest."""
    sizes = np.bincount(part)
    asked = _sample(part, np.flatnonzero(part != sizes.argmax()), len(sizes))
    among = np.union1d(asked, np.arange(0, len(vectors), -(-len(vectors) // AMONG)))
    to = np.empty(len(asked), dtype=np.int64)
    found = np.empty(len(asked), dtype=np.float32)
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        cosines = mutual_cosines(vectors, core, block, among)
        cosines[part[block][:, None] == part[among]] = -2.0
        nearest = cosines.argmax(axis=1)
        to[start : start + BLOCK] = among[nearest]
        found[start : start + BLOCK] = cosines[np.arange(len(block)), nearest]
    order = np.lexsort((-found, part[asked]))
    best = order[np.unique(part[asked][order], return_index=True)[1]]
    return edges_matrix(asked[best], to[best], length(found[best]), len(vectors))


def mutual_cosines(
    vectors: NDArray[np.float32],
    core: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the cosines (rows, columns) whose distances are the mutual reachabilities.

    That is min(core, core, cosine), the core distances turned into cosines; the nearest pair is
    where it is highest. `length` turns it into a distance.
    """
    cosines: NDArray[np.float32] = vectors[rows] @ vectors[columns].T
    np.minimum(cosines, (1.0 - core[rows] ** 2 / 2.0)[:, None], out=cosines)
    np.minimum(cosines, 1.0 - core[columns] ** 2 / 2.0, out=cosines)
    return cosines


def length(cosines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn cosines into Euclidean distances of unit vectors, at least `RESOLUTION`."""
    return np.asarray(np.sqrt(np.maximum(2.0 - 2.0 * cosines, np.float32(RESOLUTION) ** 2)))


def edges_matrix(
    one: NDArray[np.int64], other: NDArray[np.int64], length: NDArray[np.float32], n: int
) -> csr_matrix:
    """Return edges as a sparse matrix; one that is told from both its ends counts once."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    _, once = np.unique(low.astype(np.int64) * n + high, return_index=True)
    return csr_matrix((length[once], (low[once], high[once])), shape=(n, n))


def _sample(part: NDArray[np.int32], members: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Take all members if they are few, else as many of each part, spread evenly."""
    if len(members) <= ASKED:
        return members
    order = members[np.argsort(part[members], kind="stable")]
    sizes = np.bincount(part[order], minlength=parts)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    step = -(-sizes // max(1, ASKED // parts))
    return np.asarray(order[rank % step[part[order]] == 0])
