"""Unit vectors of prompts, each distinct prompt embedded once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from .encoder import Encoder

CHUNK = 512

_WATCHER: ContextVar[Callable[[int], None] | None] = ContextVar("watcher", default=None)


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of the distinct prompts of a traffic.

    Attributes:
        rows: unit vectors, one per distinct prompt (distinct, dimension) float32.
        texts: the distinct prompts, in the order of first appearance (distinct,).
        of: for each prompt, the row of its vector (prompts,) int64.
        fingerprint: of the encoder that made them.
    """

    rows: NDArray[np.float32]
    texts: pa.Array
    of: NDArray[np.int64]
    fingerprint: str

    def __getitem__(self, prompts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of the prompts with these row numbers."""
        return self.rows[self.of[prompts]]


def distinct(prompts: pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the distinct prompts of a column, by first appearance, and for each row which it is.

    >>> texts, of = distinct(pa.chunked_array([["b", "a", "b"]]))
    >>> texts.to_pylist(), of.tolist()
    (['b', 'a'], [0, 1, 0])
    """
    coded = prompts.combine_chunks().dictionary_encode()
    return coded.dictionary, np.asarray(coded.indices, dtype=np.int64)


def embed(prompts: pa.ChunkedArray, encoder: Encoder) -> Vectors:
    """Embed a column of prompts.

    Texts go to the encoder longest first, so that a batch holds texts of like length. A progress
    bar shows on standard error when that is a terminal and nobody watches (see `watched`).
    """
    texts, of = distinct(prompts)
    rows = np.empty((len(texts), encoder.dimension), dtype=np.float32)
    order = np.argsort(-np.asarray(pc.utf8_length(texts)), kind="stable")
    chunks = [order[start : start + CHUNK] for start in range(0, len(order), CHUNK)]
    for chunk in _progress(chunks):
        rows[chunk] = encoder.encode(texts.take(pa.array(chunk)).to_pylist())
    return Vectors(rows, texts, of, encoder.fingerprint)


@contextmanager
def watched(advance: Callable[[int], None]) -> Iterator[None]:
    """Tell `advance` how many more texts were embedded, instead of showing a bar."""
    token = _WATCHER.set(advance)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def _progress(chunks: Sequence[NDArray[np.int64]]) -> Iterable[NDArray[np.int64]]:
    if advance := _WATCHER.get():
        return _told(chunks, advance)
    console = Console(stderr=True)
    return track(chunks, "embedding", console=console, disable=not sys.stderr.isatty())


def _told(
    chunks: Sequence[NDArray[np.int64]], advance: Callable[[int], None]
) -> Iterator[NDArray[np.int64]]:
    for chunk in chunks:
        yield chunk
        advance(len(chunk))
