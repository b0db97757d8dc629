"""Traffic and vectors that need no encoder: what tests of an index's files add to it."""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from capscope.data import SCHEMA, Skipped, Traffic

Rows = list[dict[str, Any]]


class Hashed:
    """An encoder whose vector of a text is drawn from a seed that the text gives."""

    fingerprint = "hashed"
    dimension = 32

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return hashed_rows(texts, self.dimension)


def hashed_rows(texts: Sequence[str], dimension: int) -> NDArray[np.float32]:
    """Unit vectors drawn from seeds that the texts give."""
    seeds = [np.random.default_rng(zlib.crc32(t.encode())) for t in texts]
    drawn = [seed.normal(size=dimension) for seed in seeds]
    return np.array([v / np.linalg.norm(v) for v in drawn], dtype=np.float32)


ENCODER = Hashed()


def traffic(rows: Rows) -> Traffic:
    """Traffic as a reader would give it."""
    whole = [
        {"session_id": "s", "account_id": "a", **row, "prompt_chars": len(row["prompt"])}
        | {"timestamp": datetime.fromisoformat(row.get("timestamp", "2026-01-01T00:00:00Z"))}
        for row in rows
    ]
    return Traffic(pa.Table.from_pylist(whole, schema=SCHEMA), Skipped())


def some_rows(count: int, start: int = 0) -> Rows:
    """Rows of four accounts, an hour apart; every fifth repeats "again"."""
    return [
        {
            "prompt": f"again {n // 20}" if n % 5 == 0 else f"prompt number {n}",
            "session_id": f"s-{n // 4}",
            "account_id": f"a-{n % 4}",
            "timestamp": f"2026-01-{n // 24 % 28 + 1:02d}T{n % 24:02d}:00:00Z",
        }
        for n in range(start, start + count)
    ]
