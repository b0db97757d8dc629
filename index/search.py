"""Which prompts are like this one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import InputError
from .lists import Numbers, Vectors
from .senders import NEVER
from .store import PromptIndex

NAMED = 20
"""Accounts that a record names; `account_count` counts them all."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a filter leaves of an index.

    Attributes:
        rows: which rows pass (rows,); None where all do.
        prompts: the numbers of the prompts that they have, ascending; None where all do.
    """

    rows: NDArray[np.bool_] | None
    prompts: Numbers | None

    @classmethod
    def of(cls, index: PromptIndex, rows: NDArray[np.bool_]) -> Chosen:
        """Choose some rows of an index, and the prompts that they have."""
        # A mask takes a hundredth of the time of np.unique.
        held = np.zeros(len(index), np.bool_)
        held[index.senders.prompt[rows]] = True
        return cls(rows, np.flatnonzero(held))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows of an index may be found; times are inclusive, `label` is the traffic's own."""

    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    label: str | None = None
    session: str | None = None
    model: str | None = None

    def choose(self, index: PromptIndex) -> Chosen:
        """Return what of the index passes.

        Raises:
            InputError: a label is asked for, and the index holds none.
        """
        senders = index.senders
        passes = []
        for column, value in (
            ("account_id", self.account),
            ("session_id", self.session),
            ("model", self.model),
            ("label", self.label),
        ):
            if value is not None:
                coded = senders.coded(column)
                if column == "label" and not len(coded.values):
                    raise InputError(
                        "the index holds no labels",
                        "traffic that was indexed with a label column",
                        "Leave out --label, or index labelled traffic.",
                    )
                passes.append(coded.equal(value))
        if self.since is not None:
            passes.append((senders.time >= _microseconds(self.since)) & (senders.time < NEVER))
        if self.until is not None:
            passes.append(senders.time <= _microseconds(self.until))
        if not passes:
            return Chosen(None, None)
        return Chosen.of(index, np.logical_and.reduce(passes))


def nearest(
    index: PromptIndex, vector: Vectors, k: int, among: Numbers | None = None
) -> tuple[NDArray[np.float32], Numbers]:
    """Return the `k` most similar distinct prompts, most similar first.

    Args:
        index: where to look.
        vector: a unit vector (dimension,).
        k: how many; fewer are returned where fewer exist, never padded.
        among: the numbers of the prompts that may be found, ascending; all where None.

    Returns:
        Cosine similarities (found,) float32 and prompt numbers (found,) int64.
    """
    places = among
    if index.live is not None:
        places = index.live if among is None else index.live[among]
    found = [(np.empty(0, np.float32), np.empty(0, np.int64))]
    for place, segment in enumerate(index.segments):
        here = None if places is None else index.local(places, place)
        similarities, numbers = segment.nearest(vector, k, here)
        found.append((similarities, numbers + index.starts[place]))
    similarities, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if index.live is not None:
        numbers = np.searchsorted(index.live, numbers)
    best = np.lexsort((numbers, -similarities))[:k]
    return similarities[best], numbers[best]


@dataclass(frozen=True, slots=True)
class Match:
    """A prompt that was found.

    Attributes:
        similarity: cosine.
        prompt: its number.
        rows: the rows that sent it, those that pass the filter, in time order.
    """

    similarity: float
    prompt: int
    rows: NDArray[np.int32]

    def record(self, index: PromptIndex) -> dict[str, Any]:
        """Return the match as an output record; it names its first row and counts the others."""
        senders, first = index.senders, int(self.rows[0])
        account = senders.coded("account_id")
        codes, starts = np.unique(account.codes[self.rows], return_index=True)
        order = codes[np.argsort(starts)]
        order = order[order >= 0]
        return {
            "similarity": round(self.similarity, 6),
            "prompt": index.text(self.prompt),
            "session_id": senders.coded("session_id")[first],
            "account_id": account[first],
            "timestamp": _timestamp(int(senders.time[first])),
            "model": senders.coded("model")[first],
            "repeats": len(self.rows),
            "accounts": account.values.take(pa.array(order[:NAMED])).to_pylist(),
            "account_count": len(order),
            "id": senders.row_id[first].as_py(),
        }


def find_matches(
    index: PromptIndex, vector: Vectors, k: int, chosen: Chosen, least: float = -1.0
) -> list[Match]:
    """Return the `k` prompts most like a unit vector (dimension,), the most similar first.

    Args:
        index: where to look.
        vector: what to look for.
        k: how many; fewer where fewer exist.
        chosen: what may be found.
        least: the lowest similarity that is returned.
    """
    found = []
    for similarity, number in zip(*nearest(index, vector, k, chosen.prompts), strict=True):
        if similarity < least:
            break
        rows = index.senders.of(int(number))
        if chosen.rows is not None:
            rows = rows[chosen.rows[rows]]
        found.append(Match(float(similarity), int(number), rows))
    return found


def matches(
    index: PromptIndex, vector: Vectors, k: int, chosen: Chosen, least: float = -1.0
) -> list[dict[str, Any]]:
    """Return a record for each prompt of `find_matches`.

    Repeats of one prompt are one record: it names the first row that sent the prompt among those
    that pass the filter, counts its `repeats` among them, and names their accounts in the order
    of their first use.
    """
    records = [match.record(index) for match in find_matches(index, vector, k, chosen, least)]
    index.release_texts()
    return records


def _microseconds(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def _timestamp(microseconds: int) -> str | None:
    """Write a time in UTC as ISO 8601.

    >>> _timestamp(1767312000000000)
    '2026-01-02T00:00:00Z'
    """
    if microseconds == NEVER:
        return None
    return (EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
