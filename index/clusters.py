"""What the traffic is made of: density clusters of the distinct prompts, by a sample of many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import InputError
from .density import density_clusters
from .placing import cutoffs_of, exemplars_of, place

SMALLEST = 5
"""Fewest distinct prompts that make a cluster."""
FITTED = 200_000
"""Most distinct prompts that are clustered together; the others are placed among them."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters of the distinct prompts of an index.

    Attributes:
        labels: the cluster of each prompt, -1 for noise (distinct,) int64.
        strengths: how firmly each belongs to it, 0 to 1; of a prompt that was placed, its
            cosine similarity to the nearest exemplar (distinct,) float64.
        kin: for each cluster, those that its nearest branch of the condensed tree holds.
    """

    labels: NDArray[np.int64]
    strengths: NDArray[np.float64]
    kin: list[NDArray[np.int64]]


def cluster(
    vectors: NDArray[np.float32], strata: NDArray[np.int64] | None = None, most: int = FITTED
) -> Clusters:
    """Cluster unit vectors (n, dimension) by density; see `density_clusters`.

    Of more than `most`, a sample is clustered, the rest is placed by the nearest exemplar, and
    what finds no place is clustered in turn.

    Args:
        vectors: may be a memory map.
        strata: a number for each vector, such as its account's (n,). The sample takes as many
            of each as there are, from the smallest up, so that no account crowds others out.
        most: how many are clustered together.

    Raises:
        InputError: fewer vectors than make one cluster.
    """
    n = len(vectors)
    if n <= SMALLEST:
        raise InputError(
            f"{n} distinct prompts in the index",
            f"more than {SMALLEST}",
            "Index more traffic first.",
        )
    if n <= most:
        found = density_clusters(vectors, SMALLEST)
        kin = [found.walk[start:end] for start, end in found.kin]
        return Clusters(found.labels, found.strengths, kin)
    strata = np.zeros(n, dtype=np.int64) if strata is None else strata
    sample = stratified(strata, most)
    fitted = cluster(vectors[sample], most=most)
    labels, strengths = np.full(n, -1), np.zeros(n)
    labels[sample], strengths[sample] = fitted.labels, fitted.strengths
    rest = np.setdiff1d(np.arange(n), sample, assume_unique=True)
    chosen, of = exemplars_of(fitted.labels, fitted.strengths)
    exemplars = vectors[sample[chosen]]
    if len(chosen):
        cutoffs = cutoffs_of(vectors[sample], fitted.labels, chosen, of)
        for start in range(0, len(rest), most):
            part = rest[start : start + most]
            placed = place(vectors[part], exemplars, of, cutoffs)
            labels[part] = placed.labels
            strengths[part] = np.where(placed.labels >= 0, placed.similarity, 0.0)
    unplaced = rest[labels[rest] < 0]
    more = cluster_unplaced(vectors[unplaced], exemplars, most)
    return join_clusters(labels, strengths, fitted.kin, unplaced, more)


def cluster_unplaced(
    vectors: NDArray[np.float32], exemplars: NDArray[np.float32], most: int = FITTED
) -> Clusters:
    """Cluster what found no place, beside exemplars of what is known.

    Density is relative: without the known clusters, one new cluster alone would be noise. A
    cluster that holds a known exemplar is not new, and its members stay noise.
    """
    # Fewer than the sample that was taken out, so that clustering in turn comes to an end.
    exemplars = exemplars[:: 1 + 2 * len(exemplars) // most]
    known = len(exemplars)
    if known + len(vectors) <= SMALLEST:
        return Clusters(np.full(len(vectors), -1), np.zeros(len(vectors)), [])
    strata = np.repeat([0, 1], [known, len(vectors)])
    found = cluster(np.concatenate([exemplars, vectors]), strata, most)
    return keep_labels(found, np.setdiff1d(found.labels, found.labels[:known]), known)


def keep_labels(found: Clusters, labels: NDArray[np.int64], start: int = 0) -> Clusters:
    """Keep these labels, numbered anew, of the vectors from `start` on; all else is noise."""
    labels = labels[labels >= 0]
    number = np.full(len(found.kin) + 1, -1)
    number[labels] = np.arange(len(labels))
    kin = [number[found.kin[label]] for label in labels]
    new = number[found.labels[start:]]
    strengths = np.where(new >= 0, found.strengths[start:], 0.0)
    return Clusters(new, strengths, [each[each >= 0] for each in kin])


def join_clusters(
    labels: NDArray[np.int64],
    strengths: NDArray[np.float64],
    kin: list[NDArray[np.int64]],
    unplaced: NDArray[np.int64],
    more: Clusters,
) -> Clusters:
    """Write the clusters of what found no place after those that are known, in place."""
    labels[unplaced] = np.where(more.labels >= 0, more.labels + len(kin), -1)
    strengths[unplaced] = more.strengths
    return Clusters(labels, strengths, [*kin, *(each + len(kin) for each in more.kin)])


def stratified(strata: NDArray[np.int64], most: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw `most` positions of `strata` (n,), one of each stratum in turn, in ascending order."""
    order = np.random.default_rng(seed).permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    _, starts, sizes = np.unique(strata[order], return_index=True, return_counts=True)
    turn = np.arange(len(order)) - np.repeat(starts, sizes)
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])
