"""One shard of traffic in, one part of the output out: the same work wherever it is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..data import By, Shard, load_areas
from ..embed import CachedEncoder, Encoder, Recurring
from .label import label
from .model import SessionModel
from .run import write_part


@dataclass(frozen=True)
class Labeller:
    """Labels shards one after the other.

    Attributes:
        encoder: the model's.
        model: what judges.
        by: what is judged.
        max_fpr: the promised rate of false positives; the model's own where None.
        memory: a folder of this process's own disk, for vectors that will be needed again.
    """

    encoder: Encoder
    model: SessionModel
    by: By
    max_fpr: float | None
    memory: Path

    def label(self, shard: Shard) -> Path:
        """Write the records of a shard as a part beside it, whole or not at all.

        Raises:
            FolderError: the shard was changed.
        """
        return write_part(shard.path.parent, shard.number, self._records(shard))

    def _records(self, shard: Shard) -> Iterator[dict[str, Any]]:
        traffic, recurring = shard.read()
        encoder = self._keeping(recurring)
        for verdict in label(traffic, encoder, self.model, by=self.by, max_fpr=self.max_fpr):
            yield verdict.record(self.by)

    def _keeping(self, recurring: frozenset[str]) -> Encoder:
        """Return the encoder with a memory for what other shards hold too."""
        if isinstance(self.encoder, CachedEncoder):
            return self.encoder
        cache = CachedEncoder(self.encoder, self.memory)
        return Recurring(self.encoder, cache, recurring | self._exemplars)

    @cached_property
    def _exemplars(self) -> frozenset[str]:
        """The texts that every call of `label` embeds."""
        return frozenset(
            text for area in load_areas() for texts in area.cells.values() for text in texts
        )
