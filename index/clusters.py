"""What the traffic is made of: HDBSCAN over the distinct prompts, each cluster named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import hdbscan
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

from ..data import InputError
from .areas import AreaMap
from .store import PromptIndex

SMALLEST = 5
"""Fewest distinct prompts that make a cluster."""
EXEMPLARS = 3


@dataclass(frozen=True, slots=True)
class Clusters:
    """Clusters of the distinct prompts of an index.

    Attributes:
        labels: the cluster of each prompt, -1 for noise (distinct,) int64.
        strengths: how firmly each belongs to it, 0 to 1 (distinct,) float64.
    """

    labels: NDArray[np.int64]
    strengths: NDArray[np.float64]


def cluster(vectors: NDArray[np.float32]) -> Clusters:
    """Run HDBSCAN (Campello, Moulavi and Sander 2013) over unit vectors (n, dimension).

    On unit vectors the Euclidean order is the order of cosine similarity.

    Raises:
        InputError: fewer vectors than make one cluster.
    """
    if len(vectors) <= SMALLEST:
        raise InputError(
            f"{len(vectors)} distinct prompts in the index",
            f"more than {SMALLEST}",
            "Index more traffic first.",
        )
    found = hdbscan.HDBSCAN(min_cluster_size=SMALLEST, core_dist_n_jobs=1).fit(
        vectors.astype(np.float64)
    )
    return Clusters(found.labels_.astype(np.int64), found.probabilities_)


def describe(index: PromptIndex, clusters: Clusters, areas: AreaMap) -> list[dict[str, Any]]:
    """Return one record per cluster, largest first; `size` counts prompts with their repeats."""
    vectors = index.vectors
    labels = clusters.labels[np.asarray(index.rows["prompt"])]
    names = name_clusters(index.prompts, clusters.labels)
    records = []
    for label in range(clusters.labels.max() + 1):
        members = np.flatnonzero(clusters.labels == label)
        rows = index.rows.filter(pa.array(labels == label))
        centre = vectors[members].mean(axis=0)
        centre /= np.linalg.norm(centre)
        placed = areas.place(centre[None, :])
        central = members[np.argsort(-(vectors[members] @ centre), kind="stable")[:EXEMPLARS]]
        records.append(
            {
                "cluster": label,
                "size": rows.num_rows,
                "name": names[label],
                "area": areas.areas[placed.area[0]],
                "area_similarity": round(float(placed.similarity[0]), 4),
                "accounts": pc.count_distinct(rows["account_id"]).as_py(),
                "sessions": pc.count_distinct(rows["session_id"]).as_py(),
                "exemplars": index.prompts.take(pa.array(central)).to_pylist(),
            }
        )
    return sorted(records, key=lambda record: (-record["size"], record["cluster"]))


def name_clusters(prompts: pa.ChunkedArray, labels: NDArray[np.int64], words: int = 3) -> list[str]:
    """Name each cluster by its heaviest words under class-based TF-IDF (Grootendorst 2022).

    The weight of word w in cluster c is tf(w, c) · log(1 + A / f(w)), with A the mean number of
    words per cluster and f(w) the word's count in all.
    """
    groups = [prompts.filter(pa.array(labels == label)) for label in range(labels.max() + 1)]
    texts = [" ".join(group.to_pylist()) for group in groups]
    counter = CountVectorizer(
        stop_words=list(ENGLISH_STOP_WORDS), token_pattern=r"(?u)\b[^\W\d_]{2,}\b"
    )
    try:
        counts = counter.fit_transform(texts).toarray()
    except ValueError:
        return ["(no words)"] * len(texts)
    weights = counts * np.log1p(counts.sum() / len(texts) / counts.sum(axis=0))
    vocabulary = counter.get_feature_names_out()
    heaviest = np.argsort(-weights, axis=1, kind="stable")[:, :words]
    return [
        ", ".join(vocabulary[word] for word in row if weights[label, word] > 0) or "(no words)"
        for label, row in enumerate(heaviest)
    ]
