"""What the traffic is made of: density clusters of the distinct prompts, kept over batches."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import InputError, is_folder_of
from .density import density_clusters
from .names import name_clusters
from .placing import KIND, ClusterModel, cutoffs_of, exemplars_of, place
from .store import PromptIndex

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
    if len(unplaced) <= SMALLEST:
        return Clusters(labels, strengths, fitted.kin)
    more = cluster(vectors[unplaced], strata[unplaced], most)
    known = len(fitted.kin)
    labels[unplaced] = np.where(more.labels >= 0, more.labels + known, -1)
    strengths[unplaced] = more.strengths
    return Clusters(labels, strengths, [*fitted.kin, *(kin + known for kin in more.kin)])


def stratified(strata: NDArray[np.int64], most: int, seed: int = 0) -> NDArray[np.int64]:
    """Draw `most` positions of `strata` (n,), one of each stratum in turn, in ascending order."""
    order = np.random.default_rng(seed).permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    _, starts, sizes = np.unique(strata[order], return_index=True, return_counts=True)
    turn = np.arange(len(order)) - np.repeat(starts, sizes)
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])


def find_clusters(
    index: PromptIndex, before: ClusterModel | None = None
) -> tuple[Clusters, ClusterModel]:
    """Cluster an index, or its new prompts only where clusters are known from before.

    Known clusters keep ids and names. New prompts are placed in them; those that find no place
    are clustered with the noise of before, and a cluster with a new prompt in it is new.

    Raises:
        InputError: too few prompts, or `before` is of another encoder.
    """
    vectors = index.vectors
    if before is None:
        found = cluster(vectors, _accounts(index))
        return found, _model(index, found, [])
    if before.encoder != index.encoder:
        raise InputError(
            f"the clusters were found with the encoder {before.encoder}",
            f"the index's encoder, {index.encoder}",
            "Find the clusters afresh with --fresh.",
        )
    known = len(before.labels)
    labels, strengths = np.full(len(vectors), -1), np.ones(len(vectors))
    if known <= len(vectors) and fingerprint(index.prompts[:known]) == before.seen:
        labels[:known] = before.labels
    else:
        known = 0
    placed = before.place(vectors[known:])
    labels[known:], strengths[known:] = placed.labels, placed.similarity
    unplaced = np.flatnonzero(labels < 0)
    kin = [np.zeros(0, dtype=np.int64) for _ in before.names]
    if (unplaced >= known).any() and len(unplaced) > SMALLEST:
        more = cluster(vectors[unplaced], _accounts(index)[unplaced])
        new = np.unique(more.labels[(unplaced >= known) & (more.labels >= 0)])
        place_of = np.full(len(more.kin) + 1, -1)
        place_of[new] = np.arange(len(new)) + len(before.names)
        labels[unplaced], strengths[unplaced] = place_of[more.labels], more.strengths
        kin += [place_of[more.kin[label]] for label in new]
    strengths[labels < 0] = 0.0
    found = Clusters(labels, strengths, [each[each >= 0] for each in kin])
    return found, _model(index, found, before.names)


def cluster_index(
    index: PromptIndex, folder: Path, fresh: bool = False
) -> tuple[Clusters, list[str]]:
    """Cluster an index by the clusters kept in `folder`, if any and not `fresh`, and keep them.

    Returns:
        The clusters and their names.
    """
    known = is_folder_of(folder, KIND) and not fresh
    found, model = find_clusters(index, ClusterModel.load(folder) if known else None)
    model.save(folder)
    return found, model.names


def fingerprint(prompts: pa.ChunkedArray) -> str:
    """Return a checksum of the prompts' lengths in order: it tells whether they are the same."""
    lengths = np.asarray(pc.binary_length(prompts), dtype=np.int64)
    return hashlib.sha256(lengths.tobytes()).hexdigest()


def _model(index: PromptIndex, found: Clusters, names: list[str]) -> ClusterModel:
    """Keep what places more prompts; clusters that have names keep them."""
    vectors, clusters = index.vectors, len(found.kin)
    unnamed = np.where(found.labels >= len(names), found.labels, -1)
    fresh = name_clusters(index.prompts, unnamed, clusters)
    chosen, of = exemplars_of(found.labels, found.strengths)
    cutoffs = np.ones(clusters, dtype=np.float32)
    reached = cutoffs_of(vectors, found.labels, chosen, of)
    cutoffs[: len(reached)] = reached
    return ClusterModel(
        index.encoder,
        [*names, *fresh[len(names) :]],
        np.asarray(vectors[chosen]),
        of,
        cutoffs,
        found.labels,
        fingerprint(index.prompts),
    )


def _accounts(index: PromptIndex) -> NDArray[np.int64]:
    """Return a number for the account that first sent each distinct prompt (distinct,)."""
    codes = index.rows["account_id"].combine_chunks().dictionary_encode().indices.fill_null(-1)
    _, first = np.unique(np.asarray(index.rows["prompt"]), return_index=True)
    return np.asarray(codes, dtype=np.int64)[first]
