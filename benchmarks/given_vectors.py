"""Traffic whose vectors are given: for indexes of any size without an encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from capscope.data import SCHEMA, Skipped, Traffic

NOISE = 0.3
"""Length of the noise beside a vector's own length of 1."""
ACCOUNTS = 100


class Given:
    """An encoder whose vectors were made before: a text names the row."""

    fingerprint = "given"

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """Keep the vectors (n, dimension)."""
        self.vectors = vectors
        self.dimension = vectors.shape[1]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the row that each text's first word names."""
        return self.vectors[[int(text.split()[0]) for text in texts]]


def traffic(first: int, count: int) -> Traffic:
    """Return rows whose prompts name the vectors from `first` on, from 100 accounts in turn."""
    number = np.arange(first, first + count)
    words = " and so on, as a prompt of some length would" * 4
    table = {
        "prompt": [f"{n}{words}" for n in number],
        "session_id": [f"s-{n // 12}" for n in number],
        "account_id": [f"a-{n % ACCOUNTS}" for n in number],
        "timestamp": pa.array(1_772_352_000_000_000 + number * 1_000_000).cast(
            SCHEMA.field("timestamp").type
        ),
        "model": ["m-1"] * count,
        "prompt_chars": [len(words)] * count,
    }
    arrays = [
        pa.array(table[field.name], field.type)
        if field.name in table
        else pa.nulls(count, field.type)
        for field in SCHEMA
    ]
    return Traffic(pa.table(arrays, schema=SCHEMA), Skipped())


def near(base: NDArray[np.float32], count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the vectors of `base` over and over (count, dimension), each with its own noise."""
    made = np.empty((count, base.shape[1]), np.float32)
    for start in range(0, count, len(base)):
        part = made[start : start + len(base)]
        part[:] = base[: len(part)]
        part += rng.normal(scale=NOISE / base.shape[1] ** 0.5, size=part.shape)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return made
