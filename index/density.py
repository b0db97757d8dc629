"""HDBSCAN over many unit vectors: its result, by way of a graph of nearest neighbours."""

from __future__ import annotations

import numpy as np
from hdbscan._hdbscan_linkage import label
from numpy.typing import NDArray

from .condensed import Chosen, choose_clusters
from .neighbours import RESOLUTION, nearest_neighbours
from .spanning import core_distances, spanning_tree

NEIGHBOURS = 15
"""Twice and thrice as many change nothing that the benchmark shows."""
HASHED = 65536


def density_clusters(vectors: NDArray[np.float32], min_cluster_size: int = 5) -> Chosen:
    """Cluster unit vectors (n, dimension) float32, n > `min_cluster_size`, as HDBSCAN does.

    `min_samples` is `min_cluster_size`, as in the package, and does not count the point itself.
    Equal vectors are searched once and then count as many times as there are, in core distances
    and in sizes, as they do in HDBSCAN. Vectors that are all equal are one cluster. Labels are
    the same for the same vectors.

    What is not exact: edges of the spanning tree are sought among `NEIGHBOURS` neighbours and
    between parts that these leave apart.
    """
    n = len(vectors)
    first, which = equal_vectors(vectors)
    weights = np.bincount(which)
    if len(first) == 1:
        zeros = np.zeros(n, dtype=np.int64)
        kin = np.zeros((1, 2), dtype=np.int64)
        return Chosen(zeros, np.ones(n), zeros[:1], zeros[:1], zeros[:1], kin)
    distinct = vectors if len(first) == n else vectors[first]
    found = nearest_neighbours(distinct, min(NEIGHBOURS, len(first) - 1))
    core = core_distances(found, weights, min_cluster_size)
    one, other, length = spanning_tree(distinct, found, core)
    copies = np.setdiff1d(np.arange(n), first, assume_unique=True)
    edges = np.empty((n - 1, 3))
    edges[: len(length)] = np.column_stack([first[one], first[other], length])
    edges[len(length) :] = np.column_stack(
        [first[which[copies]], copies, np.maximum(core[which[copies]], RESOLUTION)]
    )
    linkage = label(edges[np.argsort(edges[:, 2], kind="stable")])
    return choose_clusters(linkage, min_cluster_size)


def equal_vectors(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each distinct vector stands first, and which of them each vector is.

    Rows are told apart by a 64-bit sum of their bits times odd numbers: the chance that any two
    of ten million collide is below 10⁻⁵.
    """
    rng = np.random.default_rng(0)
    odd = rng.integers(0, 2**63, vectors.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys = np.empty(len(vectors), dtype=np.uint64)
    for start in range(0, len(vectors), HASHED):
        bits = np.ascontiguousarray(vectors[start : start + HASHED]).view(np.uint32)
        keys[start : start + HASHED] = bits.astype(np.uint64) @ odd
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return first[order], place[which]
