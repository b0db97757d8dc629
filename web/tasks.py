"""Long work on an index: what it finds is kept beside the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..classify import judge_index, load_model, model_folder
from ..classify.campaigns import current_groups, state_of
from ..data import seal
from ..embed import Encoder
from ..index import PromptIndex, cluster_index, kept_positions, map_index
from ..index.batches import fingerprint
from ..index.clusters import SMALLEST
from .beside import CLUSTERS, MAP


@dataclass(frozen=True, slots=True)
class Source:
    """What a server is started on.

    Attributes:
        index: the folder of the index.
        model: of the model; None for the shipped one.
        weights: of the encoder; None for the installed one.
        cache: of vectors; None to keep none.
    """

    index: Path
    model: Path | None = None
    weights: Path | None = None
    cache: Path | None = None


Tell = Callable[[int, int], None]
"""Says how much is done, and of how much."""
Task = Callable[[Source, PromptIndex, Encoder, Tell], None]
"""A task keeps what it finds beside the index, and does nothing where that is up to date."""


def judge(source: Source, index: PromptIndex, encoder: Encoder, tell: Tell) -> None:
    """Judge the sessions that have no verdict yet."""
    folder = model_folder(source.model)
    judge_index(source.index, index, encoder, load_model(folder), seal(folder), tell)


def find_groups(source: Source, index: PromptIndex, encoder: Encoder, tell: Tell) -> None:
    """Find the groups of accounts that move together."""
    state, model = state_of(source.index, source.model), load_model(source.model)
    current_groups(source.index, index, encoder, model, state)


def make_map(source: Source, index: PromptIndex, encoder: Encoder, tell: Tell) -> None:
    """Cluster the prompts and lay them out in two dimensions."""
    folder = source.index / MAP
    if len(index) <= SMALLEST:
        return
    kept = kept_positions(folder)
    if kept is not None and kept.seen == fingerprint(index.prompts):
        return
    found, _ = cluster_index(index, source.index / CLUSTERS)
    map_index(index, found.labels, folder)


TASKS: dict[str, Task] = {"verdicts": judge, "groups": find_groups, "map": make_map}
"""In this order, by the name that a page shows."""
