"""Which prompts are like this one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import InputError
from ..embed import Encoder
from ..embed.runtime import faiss
from .store import PromptIndex


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows of an index may be found; times are inclusive, `label` is the traffic's own."""

    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    label: str | None = None

    def rows(self, index: PromptIndex) -> pa.Table:
        """Return the index's rows that pass."""
        rows = index.rows
        if self.label is not None and rows["label"].null_count == len(rows):
            raise InputError(
                "the index holds no labels",
                "traffic that was indexed with a label column",
                "Leave out --label, or index labelled traffic.",
            )
        kept = pa.scalar(True)
        for column, test, value in (
            ("account_id", pc.equal, self.account),
            ("timestamp", pc.greater_equal, self.since),
            ("timestamp", pc.less_equal, self.until),
            ("label", pc.equal, self.label),
        ):
            if value is not None:
                passes = test(rows[column], pa.scalar(value, rows.schema.field(column).type))
                kept = pc.and_(kept, pc.fill_null(passes, False))
        return rows if isinstance(kept, pa.BooleanScalar) else rows.filter(kept)


def nearest(
    index: PromptIndex, vector: NDArray[np.float32], k: int, among: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the `k` most similar distinct prompts, most similar first.

    Args:
        index: where to look.
        vector: a unit vector (dimension,).
        k: how many; fewer are returned where fewer exist, never padded.
        among: the numbers of the prompts that may be found; all where None.

    Returns:
        Cosine similarities (found,) float32 and prompt numbers (found,) int64.
    """
    library = faiss()
    k = min(k, index.search.ntotal if among is None else len(among))
    if k == 0:
        return np.empty(0, np.float32), np.empty(0, np.int64)
    chosen = (
        library.SearchParameters(sel=library.IDSelectorBatch(among)) if among is not None else None
    )
    similarities, numbers = index.search.search(vector[None, :], k, params=chosen)
    return similarities[0], numbers[0]


def similar(
    index: PromptIndex, text: str, encoder: Encoder, k: int = 10, where: Filter | None = None
) -> list[dict[str, Any]]:
    """Return the `k` indexed prompts most like `text`, repeats of one prompt as one record.

    Each record names the first session that sent the prompt, among the rows that pass `where`,
    and counts its `repeats` among them.

    Raises:
        InputError: `encoder` is not the index's.
    """
    index.check_encoder(encoder)
    rows = (where or Filter()).rows(index)
    among = np.unique(np.asarray(rows["prompt"])) if where else None
    similarities, numbers = nearest(index, encoder.encode([text])[0], k, among)
    found = rows.filter(pc.is_in(rows["prompt"], value_set=pa.array(numbers)))
    found = found.append_column("order", pa.array(np.arange(len(found))))
    found = found.sort_by([("timestamp", "ascending"), ("order", "ascending")])
    by_prompt: dict[int, list[dict[str, Any]]] = {}
    for row in found.to_pylist():
        by_prompt.setdefault(row["prompt"], []).append(row)
    return [
        {
            "similarity": round(float(similarity), 6),
            "prompt": index.prompts[number].as_py(),
            "session_id": by_prompt[number][0]["session_id"],
            "account_id": by_prompt[number][0]["account_id"],
            "timestamp": timestamp(by_prompt[number][0]["timestamp"]),
            "model": by_prompt[number][0]["model"],
            "repeats": len(by_prompt[number]),
        }
        for similarity, number in zip(similarities, numbers.tolist(), strict=True)
    ]


def timestamp(time: datetime | None) -> str | None:
    """Write a time in UTC as ISO 8601.

    >>> from datetime import UTC
    >>> timestamp(datetime(2026, 1, 2, tzinfo=UTC))
    '2026-01-02T00:00:00Z'
    """
    return None if time is None else time.isoformat().replace("+00:00", "Z")
