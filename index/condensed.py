"""Clusters out of a condensed tree: chosen by excess of mass, with strengths and exemplars."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hdbscan._hdbscan_tree import condense_tree
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Chosen:
    """The clusters of a tree.

    Attributes:
        labels: the cluster of each point, -1 for noise (points,) int64.
        strengths: density at which a point leaves its cluster, as a share of the cluster's
            highest, 0 to 1 (points,) float64.
        exemplars: the points that stay longest in the densest parts of each cluster (e,) int64.
        exemplar_of: the cluster of each exemplar (e,) int64, ascending.
        walk: the clusters in the order of a depth-first walk (clusters,) int64.
        kin: the slice of `walk` that first joins each cluster (clusters, 2) int64.
    """

    labels: NDArray[np.int64]
    strengths: NDArray[np.float64]
    exemplars: NDArray[np.int64]
    exemplar_of: NDArray[np.int64]
    walk: NDArray[np.int64]
    kin: NDArray[np.int64]


def choose_clusters(linkage: NDArray[np.float64], min_cluster_size: int) -> Chosen:
    """Condense a single-linkage tree (n - 1, 4) and choose its clusters by excess of mass.

    The condensed tree is the hdbscan package's. Labels and strengths are as its `get_clusters`
    gives them (Campello, Moulavi and Sander 2013); it does not say which nodes it chose, which
    exemplars and kin need. The root is never a cluster.
    """
    tree = condense_tree(linkage, min_cluster_size)
    points = len(linkage) + 1
    parent, child, density = tree["parent"] - points, tree["child"], tree["lambda_val"]
    inner = child >= points
    nodes = int(parent.max()) + 1
    above = np.zeros(nodes, dtype=np.int64)
    above[child[inner] - points] = parent[inner]
    born = np.zeros(nodes)
    born[child[inner] - points] = density[inner]
    mass = np.zeros(nodes)
    np.add.at(mass, parent, (density - born[parent]) * tree["child_size"])
    peak = np.zeros(nodes)
    np.maximum.at(peak, parent, density)
    chosen = _excess_of_mass(above, mass)
    owner = np.full(nodes, -1)
    for node in range(1, nodes):
        owner[node] = node if owner[above[node]] < 0 and chosen[node] else owner[above[node]]
    heads = np.flatnonzero(owner == np.arange(nodes))
    label_of = np.full(nodes, -1)
    label_of[owner >= 0] = np.searchsorted(heads, owner[owner >= 0])
    point, node = child[~inner], parent[~inner]
    labels = np.full(points, -1)
    labels[point] = label_of[node]
    strengths = np.zeros(points)
    top = peak[heads][labels[point]] if len(heads) else np.ones(len(point))
    strengths[point] = np.where(label_of[node] >= 0, np.minimum(density[~inner], top) / top, 0.0)
    leaf = np.bincount(above[1:], minlength=nodes) == 0
    kept = (label_of[node] >= 0) & leaf[node] & (density[~inner] == peak[node])
    exemplars, of = point[kept], label_of[node[kept]]
    order = np.lexsort((exemplars, of))
    walk, kin = _relations(above, heads)
    return Chosen(labels, strengths, exemplars[order], of[order], walk, kin)


def _excess_of_mass(above: NDArray[np.int64], mass: NDArray[np.float64]) -> list[bool]:
    """Tell of each node whether it outweighs the best choice below it; parents come first."""
    below, own, parents = [0.0] * len(mass), mass.tolist(), above.tolist()
    chosen = [False] * len(mass)
    for node in range(len(mass) - 1, 0, -1):
        chosen[node] = not below[node] > own[node]
        below[parents[node]] += max(own[node], below[node])
    return chosen


def _relations(
    above: NDArray[np.int64], heads: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Walk the tree depth first; return the clusters met, and for each the slice of its kin."""
    children: list[list[int]] = [[] for _ in above]
    for node in range(1, len(above)):
        children[above[node]].append(node)
    label = {int(head): number for number, head in enumerate(heads)}
    walk: list[int] = []
    span = np.zeros((len(above), 2), dtype=np.int64)
    stack = [(0, False)]
    while stack:
        node, done = stack.pop()
        if done:
            span[node, 1] = len(walk)
            continue
        span[node, 0] = len(walk)
        if node in label:
            walk.append(label[node])
        stack.append((node, True))
        stack.extend((below, False) for below in reversed(children[node]))
    kin = np.zeros((len(heads), 2), dtype=np.int64)
    for number, head in enumerate(heads.tolist()):
        node = head
        while node and not np.ptp(kin[number]):
            sibling = sum(children[above[node]]) - node
            kin[number] = span[sibling]
            node = int(above[node])
    return np.array(walk, dtype=np.int64), kin
