"""Clusters that keep their ids and names while traffic comes in batches."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import InputError, is_folder_of, writing
from .clusters import Clusters, cluster, cluster_unplaced, join_clusters, keep_labels
from .names import name_clusters
from .placing import KIND, ClusterModel, cutoffs_of, exemplars_of
from .store import PromptIndex


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
    strengths[labels < 0] = 0.0
    unplaced = np.flatnonzero(labels < 0)
    more = cluster_unplaced(vectors[unplaced], before.exemplars)
    more = keep_labels(more, np.unique(more.labels[unplaced >= known]))
    kin = [np.zeros(0, dtype=np.int64) for _ in before.names]
    found = join_clusters(labels, strengths, kin, unplaced, more)
    return found, _model(index, found, before.names)


def cluster_index(
    index: PromptIndex, folder: Path, fresh: bool = False
) -> tuple[Clusters, list[str]]:
    """Cluster an index by the clusters kept in `folder`, if any and not `fresh`, and keep them.

    Returns:
        The clusters and their names.

    Raises:
        InputError: another process is clustering, or as `find_clusters`.
    """
    folder.mkdir(exist_ok=True)
    with writing(folder):
        known = is_folder_of(folder, KIND) and not fresh
        found, model = find_clusters(index, ClusterModel.load(folder) if known else None)
        model.save(folder)
    return found, model.names


def fingerprint(prompts: pa.ChunkedArray) -> str:
    """Return a checksum of the prompts in order, however they are chunked."""
    digest = hashlib.sha256(np.asarray(pc.binary_length(prompts), dtype=np.int64).tobytes())
    for chunk in prompts.cast(pa.large_string()).chunks:
        _, offsets, text = chunk.buffers()
        if len(chunk) and text is not None:
            ends = np.frombuffer(offsets, np.int64)[[chunk.offset, chunk.offset + len(chunk)]]
            digest.update(memoryview(text)[slice(*ends.tolist())])
    return digest.hexdigest()


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
