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
Work = Callable[[Labeller, list[Shard], Bar], Iterator[tuple[int, Path]]]
"""Labels shards and yields the number and the part of each when it is done, in any order."""


def open_engine(engine: Engine) -> Work:
    """Return what does the work.

    Raises:
        InputError: Ray is not installed.
    """
    if engine == "local":
        return label_here
    from .on_ray import label_on_ray, need_ray

    need_ray()
    return label_on_ray


def label_here(labeller: Labeller, shards: list[Shard], shown: Bar) -> Iterator[tuple[int, Path]]:
    """Label shards one after the other."""
    for shard in shards:
        with shown.shard(shard.prompts):
            part = labeller.label(shard, shard.path.parent / "vectors")
        yield shard.number, part


def labelled(run: Run, labeller: Labeller, work: Work, show: bool) -> Iterator[Path]:
    """Label the shards of a run that are not done, and yield the parts of all, in order.

    Args:
        run: what to label.
        labeller: how.
        work: where.
        show: whether a bar is shown.
    """
    parts = run.parts()
    todo = [shard for shard in run.shards if shard.number not in parts]
    every, left = (sum(shard.prompts for shard in some) for some in (run.shards, todo))
    with bar(every, every - left, show) as shown:
        fresh = work(labeller, todo, shown)
        for shard in run.shards:
            while shard.number not in parts:
                number, part = next(fresh)
                parts[number] = part
            yield parts[shard.number]
