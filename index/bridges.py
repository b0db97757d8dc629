"""The edges between clusters that a graph of nearest neighbours lacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from ..embed.runtime import faiss
from .neighbours import RESOLUTION
from .spanning import edges_matrix, length, mutual_cosines

NEAR, MEMBERS = 8, 256
"""Clusters that are compared with each, and most members of one that are."""


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
    ends = tree.tocoo()
    low, high, reach = [ends.row], [ends.col], [ends.data]
    for one, others in enumerate(_pairs(vectors, groups)):
        if len(others):
            found = _shortest(vectors, core, groups[one], [groups[other] for other in others])
            for column, more in zip((low, high, reach), found, strict=True):
                column.append(more)
    return minimum_spanning_tree(
        edges_matrix(np.concatenate(low), np.concatenate(high), np.concatenate(reach), len(core))
    )


def _pairs(
    vectors: NDArray[np.float32], groups: list[NDArray[np.int64]]
) -> list[NDArray[np.int64]]:
    """Return for each group the later ones that it is to be compared with."""
    centres = np.stack([vectors[group].mean(axis=0) for group in groups])
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), RESOLUTION)
    library = faiss()
    most = min(len(groups), NEAR + 1)
    _, near = library.knn(centres, centres, most, metric=library.METRIC_INNER_PRODUCT)
    both = np.stack([np.repeat(np.arange(len(groups)), most), near.ravel()])
    one, other = np.unique(np.sort(both[:, both[0] != both[1]], axis=0), axis=1)
    return np.split(other, np.searchsorted(one, np.arange(1, len(groups))))


def _shortest(
    vectors: NDArray[np.float32],
    core: NDArray[np.float32],
    group: NDArray[np.int64],
    others: list[NDArray[np.int64]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the shortest edge from a group to each of the others: ends and lengths."""
    columns = np.concatenate(others)
    cosines = mutual_cosines(vectors, core, group, columns)
    top = cosines.max(axis=0)
    starts = np.cumsum([0, *(len(other) for other in others)])
    best = np.array([top[a:b].argmax() + a for a, b in zip(starts, starts[1:], strict=False)])
    return group[cosines[:, best].argmax(axis=0)], columns[best], length(top[best])
