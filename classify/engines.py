"""Where shards are labelled: in this process, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from ..data import Shard
from .progress import Bar, bar
from .run import Run
from .shard import Labeller

Engine = Literal["local", "ray"]
Work = Callable[[Labeller, list[Shard], Bar], Iterator[Shard]]
"""Labels shards and yields each when its part is written, in any order."""


def open_engine(engine: Engine) -> Work:
    """Return what does the work.

    Raises:
        InputError: Ray is not installed.
    """
    if engine == "local":
        return label_here
    from .on_ray import label_on_ray

    return label_on_ray


def label_here(labeller: Labeller, shards: list[Shard], shown: Bar) -> Iterator[Shard]:
    """Label shards one after the other."""
    for shard in shards:
        with shown.shard(shard.prompts):
            labeller.label(shard)
        yield shard


def labelled(run: Run, labeller: Labeller, work: Work) -> Iterator[Path]:
    """Label the shards of a run that are not done, and yield the parts of all, in order."""
    parts = run.parts()
    todo = [shard for shard in run.shards if shard.number not in parts]
    prompts = sum(shard.prompts for shard in run.shards)
    done = prompts - sum(shard.prompts for shard in todo)
    ...
