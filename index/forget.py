"""Forgetting: rows are hidden at once, and `compact` takes their text off the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data import InputError, building, sweep, writing
from .build import BLOCK, TEXTS, Part, build
from .lists import Numbers
from .segment import ROWS, Segment
from .store import PromptIndex, open_index
from .writer import switch

MADE = ("verdicts", "campaigns")
"""Folders of an index that quote its prompts, and are made anew by what reads them."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows were forgotten, and how many the index still has."""

    forgotten: int
    total: int


def forget(folder: Path, account: str | None = None, before: datetime | None = None) -> Forgotten:
    """Hide the rows of an account, or from before a time, or those that are both.

    They are found no more from now on; their text leaves the disk with `compact`. Rows without a
    time are from before none.

    Raises:
        InputError: neither is given, `folder` holds no index, or another process is writing to it.
    """
    if account is None and before is None:
        raise InputError(
            "nothing to forget", "an account or a time", "Name --account, --before or both."
        )
    with _changing(folder) as index:
        deleted = np.union1d(index.deleted, _matching(index, account, before))
        changed = replace(index, deleted=deleted)
        total = sum(segment.rows for segment in index.segments) - len(deleted)
        forgotten = len(deleted) - len(index.deleted)
        if forgotten:
            switch(folder, changed, index.segments, deleted, len(changed))
        return Forgotten(forgotten, total)


def compact(folder: Path) -> int:
    """Rewrite an index as one segment without what was forgotten.

    What a killed writer left goes too, and so do verdicts and groups, which quote prompts.

    Returns:
        How many rows were removed from the disk; an index that is compact already stays as it is.

    Raises:
        InputError: `folder` holds no index, or another process is writing to it.
    """
    with _changing(folder) as index:
        removed = len(index.deleted)
        if not removed and len(index.segments) <= 1:
            sweep(folder)
            return 0
        with building(folder) as temporary:
            built = build(temporary, index.dimension, index.search, _live(index))
            nothing = np.empty(0, np.int64)
            switch(folder, index, [built] if built.rows else [], nothing, built.prompts)
        for name in MADE if removed else ():
            shutil.rmtree(folder / name, ignore_errors=True)
        return removed


def _matching(index: PromptIndex, account: str | None, before: datetime | None) -> Numbers:
    """Return the places of the rows to forget, among those of all segments."""
    passes = []
    for segment in index.segments:
        for block in segment.batches(["account_id", "timestamp"]):
            found = pa.array(np.ones(len(block), np.bool_))
            if account is not None:
                found = pc.and_(found, pc.equal(block["account_id"], account))
            if before is not None:
                time = pa.scalar(before, ROWS.field("timestamp").type)
                found = pc.and_(found, pc.less(block["timestamp"], time))
            passes.append(np.asarray(pc.fill_null(found, False)))
    return np.flatnonzero(np.concatenate(passes)) if passes else np.empty(0, np.int64)


def _live(index: PromptIndex) -> Iterator[Part]:
    """Yield what is left of each segment, then all rows under their new numbers."""
    for place, segment in enumerate(index.segments):
        every = np.arange(segment.prompts)
        yield _part(segment, every if index.live is None else index.local(index.live, place))
    yield Part(0, (), (), index.blocks(ROWS.names))


def _part(segment: Segment, kept: Numbers) -> Part:
    blocks = [kept[start : start + BLOCK] for start in range(0, len(kept), BLOCK)]
    vectors = (segment.vectors[block] for block in blocks)
    texts = (pa.table([segment.texts.take(pa.array(b))], schema=TEXTS) for b in blocks)
    return Part(len(kept), vectors, texts, ())


@contextmanager
def _changing(folder: Path) -> Iterator[PromptIndex]:
    open_index(folder)
    with writing(folder):
        yield open_index(folder)
