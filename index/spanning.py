"""The minimum spanning tree of mutual reachability over a graph of nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from ..embed.runtime import faiss
from .neighbours import RESOLUTION, Neighbours

ASKED, AMONG = 20_000, 20_000
"""Most vectors of separate parts that are compared, and with how many, to join the parts."""
BLOCK = 512
NEAR, MEMBERS = 8, 512
"""Clusters that are compared with each, and most members of one that are."""


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
    length = np.empty(len(asked), dtype=np.float32)
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        reach = mutual_reachability(vectors, core, block, among)
        reach[part[block][:, None] == part[among]] = np.inf
        nearest = reach.argmin(axis=1)
        to[start : start + BLOCK] = among[nearest]
        length[start : start + BLOCK] = reach[np.arange(len(block)), nearest]
    order = np.lexsort((length, part[asked]))
    best = order[np.unique(part[asked][order], return_index=True)[1]]
    return _edges(asked[best], to[best], length[best], len(vectors))


def with_bridges(
    vectors: NDArray[np.float32],
    core: NDArray[np.float32],
    tree: csr_matrix,
    labels: NDArray[np.int64],
) -> csr_matrix:
    """Return the spanning tree of a tree and the shortest edges between neighbouring clusters.

    All neighbours of a vector in a large cluster are of that cluster, so the graph lacks the
    edges that join clusters: they then seem to part earlier than they do, and take in noise.
    Each cluster (`labels`, -1 for none) is compared with the `NEAR` whose centres lie nearest,
    up to `MEMBERS` of each.
    """
    clusters = int(labels.max()) + 1
    if clusters < 2:
        return tree
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.searchsorted(labels[order], np.arange(clusters)))[1:]
    groups = [group[:: -(-len(group) // MEMBERS)] for group in groups]
    centres = np.stack([vectors[group].mean(axis=0) for group in groups])
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), RESOLUTION)
    library = faiss()
    most = min(clusters, NEAR + 1)
    _, near = library.knn(centres, centres, most, metric=library.METRIC_INNER_PRODUCT)
    both = np.stack([np.repeat(np.arange(clusters), most), near.ravel()])
    pairs = np.unique(np.sort(both[:, both[0] != both[1]], axis=0), axis=1)
    found = [_shortest(vectors, core, groups[one], groups[other]) for one, other in pairs.T]
    low, high, length = (np.array(column) for column in zip(*found, strict=True))
    ends = tree.tocoo()
    return minimum_spanning_tree(
        _edges(
            np.concatenate([ends.row, low]),
            np.concatenate([ends.col, high]),
            np.concatenate([ends.data, length]),
            len(core),
        )
    )


def _shortest(
    vectors: NDArray[np.float32],
    core: NDArray[np.float32],
    one: NDArray[np.int64],
    other: NDArray[np.int64],
) -> tuple[int, int, float]:
    reach = mutual_reachability(vectors, core, one, other)
    row, column = np.unravel_index(int(reach.argmin()), reach.shape)
    return int(one[row]), int(other[column]), float(reach[row, column])


def mutual_reachability(
    vectors: NDArray[np.float32],
    core: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return max(core, core, distance) of the vectors named (rows, columns) float32."""
    reach: NDArray[np.float32] = vectors[rows] @ vectors[columns].T
    reach *= -2.0
    reach += 2.0
    np.sqrt(np.maximum(reach, RESOLUTION**2, out=reach), out=reach)
    np.maximum(reach, core[rows][:, None], out=reach)
    np.maximum(reach, core[columns], out=reach)
    return reach


def _edges(
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
