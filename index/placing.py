"""New prompts in known clusters: by their nearest exemplar, up to a cut-off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import FolderError, commit, npy_bytes, open_folder
from ..embed.runtime import faiss

KIND = "capscope clusters"
LAYOUT = 1
"""Raise it when what the files hold changes."""
EXEMPLARS = 64
"""Most exemplars kept of a cluster."""
LEFT_OUT = 0.03
"""Share of a cluster's own members that its cut-off may leave outside."""
SEARCHED = 10_000
"""More exemplars than this are searched by lists, `PROBES` of them."""
PROBES = 16
ARRAYS = ("exemplars", "exemplar_of", "cutoffs", "labels")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where prompts belong.

    Attributes:
        labels: ids of clusters, -1 where no exemplar is near enough (n,) int64.
        similarity: cosine similarity to the nearest exemplar (n,) float32.
    """

    labels: NDArray[np.int64]
    similarity: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """Clusters that keep their ids and names when more traffic comes.

    Attributes:
        encoder: fingerprint of the encoder that made the vectors.
        names: by id.
        exemplars: unit vectors (e, dimension) float32.
        exemplar_of: the cluster of each (e,) int64.
        cutoffs: lowest similarity to an exemplar at which a cluster takes a prompt
            (clusters,) float32.
        labels: the cluster of each distinct prompt of the index so far, -1 for noise (n,) int64.
        seen: fingerprint of those prompts.
    """

    encoder: str
    names: list[str]
    exemplars: NDArray[np.float32]
    exemplar_of: NDArray[np.int64]
    cutoffs: NDArray[np.float32]
    labels: NDArray[np.int64]
    seen: str

    def place(self, vectors: NDArray[np.float32]) -> Placement:
        """Place unit vectors (n, dimension)."""
        return place(vectors, self.exemplars, self.exemplar_of, self.cutoffs)

    def save(self, folder: Path) -> None:
        """Write the model; the folder's parent must exist."""
        files = {f"{name}.npy": npy_bytes(getattr(self, name)) for name in ARRAYS}
        about = {"encoder": self.encoder, "names": self.names, "seen": self.seen}
        commit(folder, KIND, LAYOUT, about, files)

    @classmethod
    def load(cls, folder: Path) -> ClusterModel:
        """Read a model, every file checked against the manifest.

        Raises:
            FolderError: it is not there, damaged, or of another layout.
        """
        opened = open_folder(folder, KIND, LAYOUT)
        try:
            about = opened.about
            arrays = {
                name: np.load(opened.files[f"{name}.npy"], allow_pickle=False) for name in ARRAYS
            }
            names = [str(name) for name in about["names"]]
            model = cls(str(about["encoder"]), names, seen=str(about["seen"]), **arrays)
            whole = (
                model.exemplars.ndim == 2
                and len(model.exemplars) == len(model.exemplar_of)
                and len(model.cutoffs) == len(model.names)
                and max(model.exemplar_of.max(initial=-1), model.labels.max(initial=-1))
                < len(model.names)
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unreadable(folder) from error
        if not whole:
            raise _unreadable(folder)
        return model


def exemplars_of(
    labels: NDArray[np.int64], strengths: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return up to `EXEMPLARS` members of each cluster, evenly from firmest to loosest.

    Density clusters can be long: the densest points alone do not reach to their ends.

    Returns:
        Numbers of the members and their clusters, both (e,) int64, by cluster.
    """
    order = np.lexsort((-strengths, labels))
    order = order[labels[order] >= 0]
    of = labels[order]
    sizes = np.bincount(of)
    rank = np.arange(len(of)) - (np.cumsum(sizes) - sizes)[of]
    slot = rank * EXEMPLARS // np.maximum(sizes[of], EXEMPLARS)
    first = np.ones(len(of), dtype=bool)
    first[1:] = (slot[1:] != slot[:-1]) | (of[1:] != of[:-1])
    return order[first], of[first]


def cutoffs_of(
    vectors: NDArray[np.float32],
    labels: NDArray[np.int64],
    exemplars: NDArray[np.int64],
    exemplar_of: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the similarity that all but `LEFT_OUT` of each cluster's members reach.

    It is to the nearest exemplar of their own cluster, themselves left out (clusters,) float32.
    """
    cutoffs = np.ones(labels.max() + 1, dtype=np.float32)
    members = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[members], np.arange(len(cutoffs) + 1))
    ends = np.searchsorted(exemplar_of, np.arange(len(cutoffs) + 1))
    for label in range(len(cutoffs)):
        own = members[starts[label] : starts[label + 1]]
        kept = exemplars[ends[label] : ends[label + 1]]
        similarity = vectors[own] @ vectors[kept].T
        similarity[own[:, None] == kept] = -1.0
        nearest = similarity.max(axis=1)
        cutoffs[label] = np.quantile(nearest, LEFT_OUT, method="lower")
    return cutoffs


def place(
    vectors: NDArray[np.float32],
    exemplars: NDArray[np.float32],
    exemplar_of: NDArray[np.int64],
    cutoffs: NDArray[np.float32],
) -> Placement:
    """Place unit vectors (n, dimension) with their nearest exemplar's cluster, if near enough."""
    if not len(exemplars) or not len(vectors):
        nowhere = np.full(len(vectors), -1)
        return Placement(nowhere, np.full(len(vectors), -1.0, dtype=np.float32))
    library = faiss()
    vectors = np.ascontiguousarray(vectors)
    if len(exemplars) <= SEARCHED:
        inner = library.METRIC_INNER_PRODUCT
        similarities, numbers = library.knn(vectors, exemplars, 1, metric=inner)
    else:
        lists = int(np.sqrt(len(exemplars)))
        index = library.IndexIVFFlat(
            library.IndexFlatIP(exemplars.shape[1]),
            exemplars.shape[1],
            lists,
            library.METRIC_INNER_PRODUCT,
        )
        index.train(exemplars)
        index.add(exemplars)
        index.nprobe = PROBES
        similarities, numbers = index.search(vectors, 1)
    similarity = similarities[:, 0]
    label = exemplar_of[numbers[:, 0]]
    return Placement(np.where(similarity >= cutoffs[label], label, -1), similarity)


def _unreadable(folder: Path) -> FolderError:
    return FolderError(
        f"{folder} cannot be read", "clusters that capscope wrote", "Find the clusters afresh."
    )
