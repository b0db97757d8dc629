"""Search over the vectors of one segment: an exact scan, or inverted lists with exact re-ranking.

The lists (IVF) hold each vector in 8 bits per dimension. What they find is ranked anew by the
float32 vectors, so that similarities are exact.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..embed.runtime import faiss, faiss_alone

FLAT = 50_000
"""Up to so many vectors a segment is scanned exactly; above, it gets inverted lists."""
PROBES = 16
PROBED = 20_000
"""A search without a filter looks into so many lists, and into as many as hold so many vectors."""
CANDIDATES = 100
"""Fewest vectors that are ranked anew, and four for each that is asked for."""
POINTS = 64
"""Vectors per list that k-means learns from."""
BLOCK = 16_384

Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]


def scan(vectors: Vectors, query: Vectors, k: int, among: Numbers | None) -> Numbers:
    """Return the numbers of the `k` vectors most like `query`, by an exact scan.

    Args:
        vectors: (n, dimension) float32, mapped or not; they are not copied.
        query: a unit vector (dimension,).
        k: at most n, and at most the length of `among`.
        among: the numbers that may be found.
    """
    library = faiss()
    point = library.swig_ptr
    wanted = np.ascontiguousarray(query[None, :], dtype=np.float32)
    similarities, numbers = np.empty((1, k), np.float32), np.empty((1, k), np.int64)
    bits = None if among is None else _bits(among, len(vectors))
    chosen = None if bits is None else library.IDSelectorBitmap(len(bits), point(bits))
    sizes = vectors.shape[1], 1, len(vectors), k
    with faiss_alone():
        library.knn_inner_product(
            point(wanted), point(vectors), *sizes, point(similarities), point(numbers), chosen
        )
    return np.asarray(numbers[0])


def write_lists(vectors: Vectors, path: Path) -> None:
    """Learn about √n lists from a sample of `vectors`, put all of them in, and write the file."""
    library = faiss()
    count, dimension = vectors.shape
    lists = max(1, math.isqrt(count))
    coarse = library.IndexFlatIP(dimension)
    kind = library.ScalarQuantizer.QT_8bit
    index = library.IndexIVFScalarQuantizer(
        coarse, dimension, lists, kind, library.METRIC_INNER_PRODUCT
    )
    index.cp.min_points_per_centroid = 1
    drawn = np.random.default_rng(0).choice(count, min(count, POINTS * lists), replace=False)
    index.train(np.asarray(vectors[np.sort(drawn)]))
    for start in range(0, count, BLOCK):
        index.add(np.asarray(vectors[start : start + BLOCK]))
    library.write_index(index, str(path))


def open_lists(descriptor: int) -> Any:  # noqa: ANN401
    """Map lists from an open file; what they hold is read when a search looks into it."""
    library = faiss()
    index = library.read_index(f"/dev/fd/{descriptor}", library.IO_FLAG_MMAP)
    # Threads that read ahead cost more than they save on a file that is in memory.
    library.downcast_InvertedLists(index.invlists).prefetch_nthread = 0
    return index


def candidates(lists: Any, query: Vectors, k: int, among: Numbers | None) -> Numbers:  # noqa: ANN401
    """Return the numbers of at least `k` vectors that are near `query` by their 8 bits.

    Args:
        lists: what `open_lists` returned.
        query: a unit vector (dimension,).
        k: at most the number of vectors, and at most the length of `among`.
        among: the numbers that may be found; the fewer they are, the more lists are looked into.
    """
    library = faiss()
    total = int(lists.ntotal)
    share = 1.0 if among is None else len(among) / total
    few = min(max(CANDIDATES, 4 * k), total if among is None else len(among))
    bits = None if among is None else _bits(among, total)
    point = library.swig_ptr
    chosen = None if bits is None else library.IDSelectorBitmap(len(bits), point(bits))
    wanted = max(PROBES, lists.nlist * max(PROBED, 8 * few) / total)
    probes = math.ceil(wanted / share)
    for probed in (min(probes, lists.nlist), lists.nlist):
        settings = library.SearchParametersIVF(sel=chosen, nprobe=probed)
        with faiss_alone():
            _, numbers = lists.search(query[None, :], few, params=settings)
        found = numbers[0][numbers[0] >= 0]
        if len(found) >= k:
            break
    return np.asarray(found)


def _bits(among: Numbers, count: int) -> NDArray[np.uint8]:
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[among] = True
    return np.packbits(chosen, bitorder="little")
