"""What the pages show: one commit of an index with the verdicts known of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..classify import KeptVerdicts, SessionModel, read_judged
from ..data import GENERAL, INSUFFICIENT, LABELS, seal
from ..index import AreaMap, Chosen, PromptIndex, Sessions, find_matches, find_sessions, open_index

LABELLED = (*LABELS, INSUFFICIENT, "unjudged")
"""What a session can be."""
LOG_ODDS = """
CREATE MACRO log_odds(p) AS ln(greatest(least(p, 1 - 1e-9), 1e-9) / (1 - least(p, 1 - 1e-9)))
"""
VERDICT = ("label", "score", "threshold", "area", "evidence")


@dataclass(frozen=True)
class View:
    """An index as one commit left it, its sessions, and what is known of them; it never changes.

    Attributes:
        commit: the `seal` of the index.
        index: the index.
        model: whose verdicts are shown.
        model_name: its `seal`.
        sessions: of the index.
        keys: what a path calls each session (sessions,).
        verdicts: those that are kept; None where there are none of this model.
        areas: the capability areas; None until the encoder is ready.
        cell: that of each distinct prompt, as a position in the areas' cells, -1 where none is
            near (distinct,) int16; None as `areas`.
    """

    commit: str
    index: PromptIndex
    model: SessionModel
    model_name: str
    sessions: Sessions
    keys: list[str]
    verdicts: KeptVerdicts | None
    areas: AreaMap | None = None
    cell: NDArray[np.int16] | None = None

    @cached_property
    def area(self) -> NDArray[np.int16] | None:
        """The area of each distinct prompt, by its position (distinct,); None as `cell`."""
        if self.areas is None or self.cell is None:
            return None
        of = np.append(self.areas.area_of, self.areas.areas.index(GENERAL))
        return of[self.cell].astype(np.int16)

    @cached_property
    def number(self) -> dict[str, int]:
        """Return the number of each session by its key."""
        return {key: number for number, key in enumerate(self.keys)}

    @cached_property
    def table(self) -> pa.Table:
        """One row per session: `number key`, the columns of `Sessions.table` and the verdict's.

        A session that is not judged yet has null for a verdict.
        """
        table = self.sessions.table
        table = table.add_column(0, "key", pa.array(self.keys, pa.string()))
        table = table.add_column(0, "number", pa.array(np.arange(len(self.keys))))
        for name in VERDICT:
            table = table.append_column(name, self._verdict(name))
        return table

    @cached_property
    def verdict(self) -> NDArray[np.int64]:
        """The position in `LABELLED` of each session (sessions,)."""
        known = pc.index_in(self.table["label"], pa.array(LABELLED))
        return np.asarray(known.fill_null(len(LABELLED) - 1).combine_chunks(), dtype=np.int64)

    @cached_property
    def judged(self) -> int:
        """How many sessions have a verdict."""
        return int((self._of >= 0).sum())

    def area_of(self, prompt: int) -> str | None:
        """Return the area of a distinct prompt; None while it is not known."""
        if self.areas is None or self.area is None:
            return None
        return self.areas.areas[int(self.area[prompt])]

    def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Return the records of a query over the table `sessions`.

        Args:
            query: SQL with `$name` in the place of each value.
            values: what stands in those places.
        """
        with self._database.cursor() as db:
            table: pa.Table = db.sql(query, params=values).to_arrow_table()
            return list(table.to_pylist())

    @cached_property
    def _database(self) -> duckdb.DuckDBPyConnection:
        db = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        db.execute("SET TimeZone = 'UTC'")
        db.register("given", self.table)
        db.execute("CREATE TABLE sessions AS SELECT * FROM given")
        db.unregister("given")
        db.execute(LOG_ODDS)
        # Queries are over data in memory: nothing of the machine is to be read by one.
        db.execute("SET enable_external_access = false")
        return db

    @cached_property
    def _of(self) -> NDArray[np.int64]:
        if self.verdicts is None or self.verdicts.model != self.model_name:
            return np.full(len(self.sessions), -1, dtype=np.int64)
        return self.verdicts.of(self.sessions)

    def _verdict(self, name: str) -> pa.ChunkedArray | pa.Array:
        if self.verdicts is None:
            kinds = {"score": pa.float64(), "threshold": pa.float64()}
            return pa.nulls(len(self.sessions), kinds.get(name, pa.string()))
        return self.verdicts.table[name].take(pa.array(self._of, mask=self._of < 0))

    def warm(self) -> None:
        """Read what the first page and the first search need, before anyone waits for it."""
        every = Chosen(None, None)
        if len(self.index):
            for match in find_matches(self.index, self.index.vector(0), 1, every):
                match.record(self.index)
        self.ask("SELECT count(*) FROM sessions")

    def judged_by(self, verdicts: KeptVerdicts | None) -> View:
        """Return the same with other verdicts."""
        return replace(self, verdicts=verdicts)

    def placed(self, areas: AreaMap, before: View | None) -> View:
        """Return the same with the cell of each prompt; those that `before` knew are not read."""
        known = np.empty(0, np.int16)
        # Prompts keep their numbers while an index only grows.
        if before is not None and before.cell is not None:
            grown = not len(self.index.deleted) and len(before.cell) <= len(self.index)
            known = before.cell if grown and not len(before.index.deleted) else known
        fresh = areas.place(self.index.vectors[len(known) :]).cell.astype(np.int16)
        return replace(self, areas=areas, cell=np.concatenate([known, fresh]))


def open_view(folder: Path, model: SessionModel, name: str) -> View:
    """Open the last commit of an index with the verdicts that are kept of it.

    Raises:
        FolderError: the index is not there or not whole.
    """
    commit = ""
    while True:
        index, before = open_index(folder), commit
        commit = seal(folder)
        # Nothing was committed between the two openings, so the name is of what was opened.
        if commit == before:
            break
    sessions = find_sessions(index)
    ids = (sessions.table[name].to_pylist() for name in ("account_id", "session_id"))
    keys = [key_of(*pair) for pair in zip(*ids, strict=True)]
    return View(commit, index, model, name, sessions, keys, read_judged(folder))


def key_of(*ids: str | None) -> str:
    """Return what a path calls an account, or a session by its account's id and its own.

    >>> key_of("a-1", "s-1")
    '9afa0ae56288ec4c'
    >>> key_of(None, "s-1") != key_of("", "s-1")
    True
    """
    told = "".join("-" if one is None else f"{len(one)}:{one}" for one in ids)
    return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()
