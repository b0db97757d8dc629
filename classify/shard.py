"""One shard of traffic in, one part of the output out: the same work wherever it is done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..data import By, Shard
from ..embed import CachedEncoder, Encoder, Recurring, open_encoder
from ..index import AreaMap
from .label import label
from .levels import LONG
from .model import SessionModel, load_model
from .run import write_part

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Labeller:
    """Labels shards one after the other. What it needs is loaded when it is first asked for.

    Attributes:
        model: a model's folder; None for the shipped one.
        weights: the encoder's folder; None for the installed one.
        cache: where all vectors are kept from run to run; None to keep none.
        by: what is judged.
        max_fpr: the promised rate of false positives; the model's own where None.
        exact: whether the transformer reads every prompt.
    """

    model: Path | None
    weights: Path | None
    cache: Path | None
    by: By
    max_fpr: float | None
    exact: bool

    @cached_property
    def judge(self) -> SessionModel:
        """The model."""
        return load_model(self.model)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder."""
        return open_encoder(self.weights, self.cache)

    @cached_property
    def areas(self) -> AreaMap:
        """The areas, their exemplars embedded once for all shards."""
        return AreaMap.embedded(self.encoder)

    def check(self) -> None:
        """Raise `InputError` where the model, the encoder and the promise do not fit together.

        Where long accounts are judged as shorter ones for the promise's sake, a warning tells it.
        """
        model = self.judge
        placed = model.place(np.array([LONG]), self.max_fpr, self.exact)
        model.check_encoder(self.encoder)
        if model.long is not None and len(placed.levels) == 1:
            log.warning(
                "those of %d prompts or more are judged as shorter ones are: %d organic accounts "
                "of such length are behind the model, too few for the rate that is asked for",
                LONG,
                model.long.scores.organic,
            )

    def label(self, shard: Shard, memory: Path) -> Path:
        """Write the records of a shard as a part beside it, whole or not at all.

        Args:
            shard: what to label.
            memory: a folder of this machine, for vectors that other shards will need too.

        Raises:
            FolderError: the shard was changed.
        """
        return write_part(shard.path.parent, shard.number, self._records(shard, memory))

    def _records(self, shard: Shard, memory: Path) -> Iterator[dict[str, Any]]:
        traffic, recurring = shard.read()
        encoder = self._keeping(recurring, memory)
        verdicts = label(
            traffic,
            encoder,
            self.judge,
            by=self.by,
            max_fpr=self.max_fpr,
            exact=self.exact,
            areas=self.areas,
        )
        for verdict in verdicts:
            yield verdict.record(self.by)

    def _keeping(self, recurring: frozenset[str], memory: Path) -> Encoder:
        """Return the encoder with a memory for what other shards hold too."""
        if self.cache:
            return self.encoder
        kept = CachedEncoder(self.encoder, memory)
        return Recurring(self.encoder, kept, recurring)
