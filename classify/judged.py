"""The verdicts of an index, kept beside it: judged once, and again only where rows came or went."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..data import (
    FolderError,
    Skipped,
    Traffic,
    check_folder,
    commit,
    hold,
    is_folder_of,
    seal,
    writing,
)
from ..embed import Encoder
from ..index import AreaMap, PromptIndex, Sessions, find_sessions
from .label import label
from .model import SessionModel

KIND = "capscope verdicts"
LAYOUT = 1
"""Raise it when what the files hold changes; older verdicts are then made anew."""
FOLDER = "verdicts"
AT_ONCE = 512
"""Sessions that are judged together, and at most so many are lost by a kill."""

VERDICTS = pa.schema(
    [
        pa.field("session_id", pa.string()),
        pa.field("account_id", pa.string()),
        pa.field("digest", pa.uint64()),
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("threshold", pa.float64()),
        pa.field("area", pa.string()),
        pa.field("evidence", pa.large_string()),
    ]
)
"""A session's verdict; `digest` says of which rows, `evidence` is JSON."""


@dataclass(frozen=True, slots=True)
class KeptVerdicts:
    """What is kept.

    Attributes:
        model: the `seal` of the model that judged.
        index: the `seal` of the index that was judged.
        table: as `VERDICTS`, one row per session (sessions).
    """

    model: str
    index: str
    table: pa.Table

    def of(self, sessions: Sessions) -> NDArray[np.int64]:
        """Return which row of `table` is of each session, -1 where none is (sessions,)."""
        keys = ["session_id", "account_id", "digest"]
        ours = pa.table([*sessions.table.select(keys[:2]).columns, sessions.digest], names=keys)
        # A null joins nothing: an account that is not named is told apart from every name.
        place = _joined(self.table.select(keys))
        return np.array([place.get(key, -1) for key in _keys(ours)], dtype=np.int64)


def read_judged(index: Path) -> KeptVerdicts | None:
    """Return the verdicts that are kept beside an index; None where there are none to be used."""
    folder = index / FOLDER
    if not is_folder_of(folder, KIND):
        return None
    try:
        held = hold(folder, KIND, LAYOUT)
        parts = [pq.read_table(pa.py_buffer(file.data)) for file in held.files.values()]
        table = pa.concat_tables([VERDICTS.empty_table(), *parts]).cast(VERDICTS)
        return KeptVerdicts(str(held.about["model"]), str(held.about["index"]), table)
    except (FolderError, KeyError, ValueError, pa.ArrowException):
        return None


def judge_index(
    folder: Path,
    index: PromptIndex,
    encoder: Encoder,
    model: SessionModel,
    name: str,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> KeptVerdicts:
    """Judge every session of an index and keep the verdicts in `FOLDER` beside it.

    Verdicts of the same model over the same rows are taken as they stand. What is judged is kept
    every `AT_ONCE` sessions, so that a reader sees verdicts early and a kill loses few.

    Args:
        folder: of the index.
        index: as it was opened from `folder`.
        encoder: must be the index's and the model's.
        model: what judges.
        name: the model's `seal`.
        tell: called with the number of sessions that have a verdict, and that of all.

    Raises:
        InputError: the encoder is another one's, or the verdicts cannot be written.
    """
    index.check_encoder(encoder)
    model.check_encoder(encoder)
    check_folder(folder)
    (folder / FOLDER).mkdir(exist_ok=True)
    with writing(folder / FOLDER):
        sessions, state = find_sessions(index), seal(folder)
        held = read_judged(folder)
        table, left = VERDICTS.empty_table(), np.arange(len(sessions))
        if held is not None and held.model == name:
            of = held.of(sessions)
            table, left = held.table.take(of[of >= 0]), np.flatnonzero(of < 0)
            if not len(left) and len(table) == len(held.table) and held.index == state:
                return held
        parts = {"0.parquet": _parquet(table)}
        about = {"model": name, "index": state}
        areas = AreaMap.embedded(encoder)
        rows = index.columns(["prompt", "session_id", "account_id", "timestamp"])
        for start in range(0, len(left), AT_ONCE):
            tell(len(table), len(sessions))
            chosen = left[start : start + AT_ONCE]
            new = _verdicts(index, rows, sessions, chosen, areas, model)
            table = pa.concat_tables([table, new])
            parts[f"{len(parts)}.parquet"] = _parquet(new)
            commit(folder / FOLDER, KIND, LAYOUT, about, parts)
        commit(folder / FOLDER, KIND, LAYOUT, about, {"0.parquet": _parquet(table)})
        tell(len(table), len(sessions))
        return KeptVerdicts(name, state, table)


@dataclass(frozen=True, slots=True)
class _Known:
    """An encoder of texts whose vectors an index has, by their numbers."""

    numbers: dict[str, int]
    index: PromptIndex

    @property
    def fingerprint(self) -> str:
        return self.index.encoder

    @property
    def dimension(self) -> int:
        return self.index.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self.index.vectors[[self.numbers[text] for text in texts]])


def _verdicts(
    index: PromptIndex,
    columns: pa.Table,
    sessions: Sessions,
    chosen: NDArray[np.int64],
    areas: AreaMap,
    model: SessionModel,
) -> pa.Table:
    groups = sessions.groups.take(chosen)
    rows = columns.take(pa.array(groups.rows))
    numbers, of = np.unique(np.asarray(rows["prompt"]), return_inverse=True)
    texts = index.prompts.take(pa.array(numbers)).combine_chunks()
    known = _Known(dict(zip(texts.to_pylist(), numbers.tolist(), strict=True)), index)
    traffic = Traffic(rows.set_column(0, "prompt", texts.take(pa.array(of))), Skipped())
    verdicts = label(traffic, known, model, exact=True, areas=areas)
    records = [verdict.record("session") for verdict in verdicts]
    for record, digest in zip(records, sessions.digest[chosen].tolist(), strict=True):
        record["digest"] = digest
        record["evidence"] = json.dumps(record["evidence"], ensure_ascii=False)
    return pa.Table.from_pylist(records, VERDICTS)


def _keys(table: pa.Table) -> list[tuple[str | None, str | None, int]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _joined(table: pa.Table) -> dict[tuple[str | None, str | None, int], int]:
    return {key: row for row, key in enumerate(_keys(table))}


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
