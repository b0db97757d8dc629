"""Where each prompt lies on a map in two dimensions, kept beside the index as it grows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import FolderError, commit, is_folder_of, npy_bytes, open_folder
from ..embed.runtime import faiss
from .batches import fingerprint
from .clusters import stratified
from .store import PromptIndex

KIND = "capscope map"
LAYOUT = 1
"""Raise it when what the files hold changes."""
MAPPED, NEAR = 4_000, 3
"""Most prompts that are projected together, and how many of those place each of the others."""
PERPLEXITY, SHARPNESS = 30.0, 20.0
BLOCK = 65536
ARRAYS = ("points", "laid")


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the distinct prompts of an index lie on its map.

    Attributes:
        points: positions (distinct, 2) float32.
        laid: which of them were projected together, ascending (laid,) int64; each other one lies
            between the `NEAR` of those that it is most like.
        fitted: how many prompts there were when it was laid out.
        seen: fingerprint of the prompts.
    """

    points: NDArray[np.float32]
    laid: NDArray[np.int64]
    fitted: int
    seen: str

    def save(self, folder: Path) -> None:
        """Write the positions; the folder's parent must exist."""
        files = {f"{name}.npy": npy_bytes(getattr(self, name)) for name in ARRAYS}
        about = {"fitted": self.fitted, "seen": self.seen}
        commit(folder, KIND, LAYOUT, about, files)

    @classmethod
    def load(cls, folder: Path) -> Positions:
        """Read positions, every file checked against the manifest.

        Raises:
            FolderError: it is not there, damaged, or of another layout.
        """
        opened = open_folder(folder, KIND, LAYOUT)
        try:
            points, laid = (
                np.load(opened.files[f"{name}.npy"], allow_pickle=False) for name in ARRAYS
            )
            found = cls(points, laid, int(opened.about["fitted"]), str(opened.about["seen"]))
            whole = found.points.shape == (len(points), 2) and laid.max(initial=-1) < len(points)
        except (KeyError, TypeError, ValueError, AttributeError):
            whole = False
        if not whole:
            raise FolderError(
                f"{folder} cannot be read", "a map that capscope wrote", "Remove the folder."
            )
        return found


def kept_positions(folder: Path) -> Positions | None:
    """Return the map kept in `folder`; None where there is none that can be used."""
    try:
        return Positions.load(folder) if is_folder_of(folder, KIND) else None
    except FolderError:
        return None


def map_index(index: PromptIndex, labels: NDArray[np.int64], folder: Path) -> Positions:
    """Return where the prompts of an index lie, by the map kept in `folder`, if any, and keep it.

    Known prompts keep their places and new ones are placed between them, until more than half
    were not there when the map was laid out. Then, or when prompts were forgotten, all are laid
    out afresh.

    Args:
        index: three distinct prompts at least.
        labels: the cluster of each (distinct,).
        folder: its parent must exist.
    """
    before = kept_positions(folder)
    seen = fingerprint(index.prompts)
    if before and seen == before.seen:
        return before
    if before and _grown(index, before):
        new = np.arange(len(before.points), len(index))
        places = _between(index.vectors, new, before.laid, before.points)
        points, laid, fitted = np.vstack([before.points, places]), before.laid, before.fitted
    else:
        (points, laid), fitted = project(index.vectors, labels), len(index)
    found = Positions(points, laid, fitted, seen)
    found.save(folder)
    return found


def project(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Lay unit vectors (n, dimension) out in the plane by t-SNE (van der Maaten and Hinton 2008).

    Of more than `MAPPED`, as many of each cluster as there are, from the smallest up, are laid
    out, and each other one lies between the `NEAR` of those that it is most like. Distances
    between clusters mean little, as with any such map.

    Args:
        vectors: n of them, three at least; may be a memory map.
        labels: the cluster of each (n,).
        seed: the same seed gives the same map.

    Returns:
        Positions (n, 2) float32, and which of them were laid out together, ascending, int64.
    """
    from sklearn.manifold import TSNE

    laid = stratified(labels, MAPPED, seed)
    chosen = np.ascontiguousarray(vectors[laid])
    perplexity = min(PERPLEXITY, (len(chosen) - 1) / 3)
    points = np.empty((len(vectors), 2), dtype=np.float32)
    tsne = TSNE(init="pca", perplexity=perplexity, random_state=seed)
    points[laid] = tsne.fit_transform(chosen)
    rest = np.setdiff1d(np.arange(len(vectors)), laid, assume_unique=True)
    points[rest] = _between(vectors, rest, laid, points)
    return points, laid


def _between(
    vectors: NDArray[np.float32],
    rest: NDArray[np.int64],
    laid: NDArray[np.int64],
    points: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return places of some rows of `vectors` among those that are laid out (rest, 2) float32."""
    library = faiss()
    chosen, flat = np.ascontiguousarray(vectors[laid]), points[laid]
    placed = np.empty((len(rest), 2), dtype=np.float32)
    for start in range(0, len(rest), BLOCK):
        part = np.ascontiguousarray(vectors[rest[start : start + BLOCK]])
        cosines, near = library.knn(part, chosen, NEAR, metric=library.METRIC_INNER_PRODUCT)
        pull = np.exp(SHARPNESS * (cosines - cosines[:, :1]))
        pull /= pull.sum(axis=1, keepdims=True)
        placed[start : start + BLOCK] = (flat[near] * pull[:, :, None]).sum(axis=1)
    return placed


def _grown(index: PromptIndex, before: Positions) -> bool:
    """Tell whether the index holds the prompts of before and not too many more."""
    known = len(before.points)
    return (
        known <= len(index) <= 2 * before.fitted
        and fingerprint(index.prompts[:known]) == before.seen
    )
