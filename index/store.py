"""An index of distinct prompts with the rows of traffic that sent them, opened from disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..data import FolderError, Held, InputError, Stored, hold
from ..embed import Encoder, comparable
from .lists import Numbers, Vectors
from .segment import ROWS, Segment
from .senders import Senders

KIND = "capscope index"
LAYOUT = 2
"""Raise it when what the files hold changes; `open_index` refuses other numbers by name."""


@dataclass(frozen=True)
class PromptIndex:
    """An index as one commit left it; a writer that goes on changes nothing of it.

    Everything is read when it is first asked for. Prompts are numbered in the order in which they
    came, among those that a row still has.

    Attributes:
        encoder: fingerprint of the encoder that made the vectors.
        dimension: the length of a vector.
        search: what a new segment is to be searched with: "auto", "flat" or "ivf".
        segments: what was added, oldest first.
        deleted: the rows that were forgotten, by their place in all segments, ascending.
    """

    encoder: str
    dimension: int
    search: str
    segments: tuple[Segment, ...]
    deleted: Numbers

    @cached_property
    def rows(self) -> pa.Table:
        """One row per logged prompt: `row_id`, `prompt` (a number) and the columns of traffic."""
        return self.columns(ROWS.names)

    @cached_property
    def prompts(self) -> pa.ChunkedArray:
        """The distinct prompts (distinct,) large_string."""
        return self._texts if self.live is None else self._texts.take(pa.array(self.live))

    @cached_property
    def vectors(self) -> Vectors:
        """Their vectors (distinct, dimension) float32; mapped where there is one whole segment."""
        parts = [segment.vectors for segment in self.segments]
        if len(parts) == 1 and self.live is None:
            return parts[0]
        if self.live is not None:
            parts = [part[self.local(self.live, place)] for place, part in enumerate(parts)]
        return np.concatenate([np.empty((0, self.dimension), np.float32), *parts])

    @cached_property
    def live(self) -> Numbers | None:
        """The places in all segments of the prompts that a row has; None where all have."""
        if not len(self.deleted):
            return None
        numbers = [np.asarray(table["prompt"]) for table in self._kept(["prompt"])]
        kept = np.unique(np.concatenate(numbers))
        return None if len(kept) == self.starts[-1] else kept

    @cached_property
    def starts(self) -> Numbers:
        """Where each segment's prompts start among all, and their number (segments + 1,)."""
        return np.array([0, *accumulate(s.prompts for s in self.segments)], dtype=np.int64)

    @cached_property
    def senders(self) -> Senders:
        """Who sent each prompt, as a search needs it."""
        return Senders(self.columns)

    def __len__(self) -> int:
        """Return the number of distinct prompts."""
        return int(self.starts[-1]) if self.live is None else len(self.live)

    def text(self, number: int) -> str:
        """Return one prompt, without reading the others."""
        return str(self._texts[number if self.live is None else int(self.live[number])])

    def release_texts(self) -> None:
        """Let go of the pages of prompts that were read: a search touches others each time."""
        for segment in self.segments:
            segment.files["prompts.arrow"].release()

    def vector(self, number: int) -> Vectors:
        """Return one prompt's vector (dimension,), without reading the others."""
        place = number if self.live is None else int(self.live[number])
        segment = int(np.searchsorted(self.starts, place, side="right")) - 1
        (vector,) = self.segments[segment].take(np.array([place - self.starts[segment]]))
        return np.asarray(vector)

    def columns(self, names: list[str]) -> pa.Table:
        """Return some columns of `rows`, without reading the others."""
        schema = pa.schema([ROWS.field(name) for name in names])
        return pa.concat_tables([schema.empty_table(), *self.blocks(names)])

    def blocks(self, names: list[str]) -> Iterator[pa.Table]:
        """Yield some columns of `rows`, a block at a time."""
        for table in self._kept(names):
            if self.live is not None and "prompt" in names:
                numbers = pa.array(np.searchsorted(self.live, np.asarray(table["prompt"])))
                table = table.set_column(names.index("prompt"), ROWS.field("prompt"), numbers)
            yield table

    def _kept(self, names: list[str]) -> Iterator[pa.Table]:
        """Yield some columns of the rows that were not forgotten, prompts by their place."""
        start = 0
        for table in (batch for segment in self.segments for batch in segment.batches(names)):
            here = np.searchsorted(self.deleted, [start, start + len(table)])
            stays = np.ones(len(table), dtype=np.bool_)
            stays[self.deleted[slice(*here)] - start] = False
            yield table if stays.all() else table.filter(pa.array(stays))
            start += len(table)

    def local(self, places: Numbers, segment: int) -> Numbers:
        """Return those of some ascending places that lie in a segment, counted from its start."""
        start, end = self.starts[segment : segment + 2]
        here = np.searchsorted(places, [start, end])
        return np.asarray(places[slice(*here)] - start)

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise `InputError` unless `encoder` made this index's vectors, in either precision."""
        if not comparable(encoder.fingerprint, self.encoder):
            raise InputError(
                f"the index was made with the encoder {self.encoder}",
                f"the encoder in use, {encoder.fingerprint}",
                "Name the weights that made the index with --weights, or make a new index.",
            )

    @cached_property
    def _texts(self) -> pa.ChunkedArray:
        chunks = [chunk for segment in self.segments for chunk in segment.texts.chunks]
        return pa.chunked_array(chunks, type=pa.large_string())


def open_index(folder: Path) -> PromptIndex:
    """Open an index: its manifest is checked now, each file by sha-256 before its first use.

    Raises:
        FolderError: it is not there, damaged, or of another layout.
    """
    held = hold(folder, KIND, LAYOUT)
    try:
        about = held.about
        counts = enumerate(about["segments"])
        segments = tuple(
            Segment(int(c["prompts"]), int(c["rows"]), str(c["search"]), _files(held, place))
            for place, c in counts
        )
        deleted = held.files.get("deleted.npy")
        return PromptIndex(
            str(about["encoder"]),
            int(about["dimension"]),
            str(about["search"]),
            segments,
            np.empty(0, np.int64) if deleted is None else deleted.array,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise FolderError(
            f"{folder} cannot be read ({type(error).__name__})",
            "an index that capscope wrote",
            "Make the index again from its traffic.",
        ) from error


def _files(held: Held, place: int) -> dict[str, Stored]:
    start = f"{place}/"
    return {n.removeprefix(start): f for n, f in held.files.items() if n.startswith(start)}
