"""The sessions of an index: which rows each has, and what is known of it without reading a text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import FolderError, Groups, Skipped, Traffic
from .senders import NEVER
from .store import PromptIndex


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of an index, in the order in which its rows first met them.

    Attributes:
        groups: the rows of each, in time order.
        of: the session of each row (rows,) int64.
        table: `session_id`, `account_id`, `model` of the first row, `prompts`, and `first` and
            `last`, the times of its rows (sessions).
        digest: changes where a session gains or loses a row (sessions,) uint64.
    """

    groups: Groups
    of: NDArray[np.int64]
    table: pa.Table
    digest: NDArray[np.uint64]

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self.groups)


def find_sessions(index: PromptIndex) -> Sessions:
    """Group the rows of an index by session.

    Raises:
        FolderError: a row's id is none that capscope gave.
    """
    names = ["session_id", "account_id", "timestamp"]
    groups = Traffic(index.columns(names), Skipped()).groups("session")
    of = np.empty(len(groups.rows), np.int64)
    of[groups.rows] = np.repeat(np.arange(len(groups)), groups.sizes)
    senders, first = index.senders, groups.first
    columns: dict[str, pa.Array] = {}
    for name in ("session_id", "account_id", "model"):
        coded = senders.coded(name)
        codes = coded.codes[first]
        columns[name] = coded.values.take(pa.array(codes, mask=codes < 0))
    times = senders.time[groups.rows]
    known = times < NEVER
    # A session's rows without a time come last in it.
    last = np.maximum.reduceat(np.where(known, times, -1), groups.starts[:-1]) if len(of) else of
    columns["prompts"] = pa.array(groups.sizes)
    columns["first"] = _times(senders.time[first], senders.time[first] < NEVER)
    columns["last"] = _times(last, last >= 0)
    digest = _hashes(index)[groups.rows]
    if len(digest):
        digest = np.add.reduceat(digest, groups.starts[:-1])
    return Sessions(groups, of, pa.table(columns), digest)


def _times(microseconds: NDArray[np.int64], known: NDArray[np.bool_]) -> pa.Array:
    return pa.array(microseconds, mask=~known).cast(pa.timestamp("us", tz="UTC"))


def _hashes(index: PromptIndex) -> NDArray[np.uint64]:
    """Return the first 8 bytes of each row's id (rows,) uint64."""
    ids = index.senders.row_id
    try:
        raw = bytes.fromhex("".join(ids.to_pylist()))
        return np.frombuffer(raw, np.uint64).reshape(len(ids), 2)[:, 0].copy()
    except ValueError as error:
        raise FolderError(
            "the index names a row by something else than 32 hexadecimal digits",
            "an index that capscope wrote",
            "Make the index again from its traffic.",
        ) from error
