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

Edges = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]
"""Ends and lengths."""


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
) -> Edges:
    """Return the n - 1 edges, shortest first.

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
    edges = tree.tocoo()
    order = np.argsort(edges.data, kind="stable")
    return edges.row[order], edges.col[order], edges.data[order].astype(np.float64)


def _joins(
    vectors: NDArray[np.float32], core: NDArray[np.float32], part: NDArray[np.int32]
) -> csr_matrix:
    """Return the shortest edge found out of each part but the largest."""
    sizes = np.bincount(part)
    asked = _sample(part, np.flatnonzero(part != sizes.argmax()), len(sizes))
    among = np.union1d(asked, np.arange(0, len(vectors), -(-len(vectors) // AMONG)))
    others = vectors[among].T
    to = np.empty(len(asked), dtype=np.int64)
    length = np.empty(len(asked), dtype=np.float32)
    for start in range(0, len(asked), BLOCK):
        block = asked[start : start + BLOCK]
        squares = np.maximum(2.0 - 2.0 * (vectors[block] @ others), RESOLUTION**2)
        reach = np.maximum(np.sqrt(squares, out=squares), core[block][:, None])
        np.maximum(reach, core[among], out=reach)
        reach[part[block][:, None] == part[among]] = np.inf
        nearest = reach.argmin(axis=1)
        to[start : start + BLOCK] = among[nearest]
        length[start : start + BLOCK] = reach[np.arange(len(block)), nearest]
    order = np.lexsort((length, part[asked]))
    best = order[np.unique(part[asked][order], return_index=True)[1]]
    # Two parts that chose the same edge from both ends must not add its length up.
    low, high = np.minimum(asked[best], to[best]), np.maximum(asked[best], to[best])
    _, once = np.unique(low * len(vectors) + high, return_index=True)
    n = len(vectors)
    return csr_matrix((length[best][once], (low[once], high[once])), shape=(n, n))


def _sample(
    part: NDArray[np.int32], members: NDArray[np.int64], parts: int
) -> NDArray[np.int64]:
    """Take all members if they are few, else as many of each part, spread evenly."""
    if len(members) <= ASKED:
        return members
    order = members[np.argsort(part[members], kind="stable")]
    sizes = np.bincount(part[order], minlength=parts)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    step = -(-sizes // max(1, ASKED // parts))
    return order[rank % step[part[order]] == 0]
