"""HDBSCAN over many unit vectors: its result, by way of a graph of nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.cluster._hdbscan._linkage import MST_edge_dtype, make_single_linkage

from .bridges import with_bridges
from .condensed import Chosen, choose_clusters
from .neighbours import nearest_neighbours
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
    tree = spanning_tree(distinct, found, core)
    rough = choose_clusters(_linkage(tree, core, first, which), min_cluster_size)
    tree = with_bridges(distinct, core, tree, rough.labels[first])
    return choose_clusters(_linkage(tree, core, first, which), min_cluster_size)


def _linkage(
    tree: csr_matrix,
    core: NDArray[np.float32],
    first: NDArray[np.int64],
    which: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the single-linkage tree (n - 1, 4) of a spanning tree, equal vectors put back.

    By scikit-learn's code: the hdbscan package's own gives the same, forty times as slowly.
    """
    ends = tree.tocoo()
    again = np.ones(len(which), dtype=bool)
    again[first] = False
    copies = np.flatnonzero(again)
    edges = np.empty(len(which) - 1, dtype=MST_edge_dtype)
    edges["current_node"] = np.concatenate([first[ends.row], first[which[copies]]])
    edges["next_node"] = np.concatenate([first[ends.col], copies])
    edges["distance"] = np.concatenate([ends.data, core[which[copies]]])
    linkage = make_single_linkage(edges[np.argsort(edges["distance"], kind="stable")])
    return np.column_stack([linkage[name].astype(np.float64) for name in linkage.dtype.names])


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
