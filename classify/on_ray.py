"""Shards labelled on a Ray cluster. The only module that knows Ray.

Ray Data hands each shard to one of a pool of actors, each with an encoder and the model. An actor
reads its shard and writes its part in the run's folder, which every node must see. A shard whose
actor dies is labelled again by another; a part that is written twice is the same file.
"""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..data import Entry, InputError, Shard
from .progress import Bar
from .shard import Labeller

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
"""Nothing is sent anywhere, and what is shown is ours."""


def need_ray() -> None:
    """Raise `InputError` unless Ray is installed."""
    if find_spec("ray") is None:
        raise InputError(
            "Ray is not installed",
            "it, for --engine ray",
            "Install it with: pip install 'capscope[ray]'.",
        )


class Worker:
    """An actor: an encoder and a model that stay from shard to shard."""

    def __init__(self, labeller: Labeller) -> None:
        """Keep how to label, and vectors that come again in a folder of this machine."""
        self._labeller = labeller
        self._memory = TemporaryDirectory(prefix="capscope-")

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Label one shard, described by a row."""
        (row,) = ({name: column[0] for name, column in batch.items()},)
        entry = Entry(row["file"], row["sha256"], int(row["bytes"]))
        path = Path(row["folder"]) / entry.file
        shard = Shard(int(row["number"]), path, entry, int(row["prompts"]))
        part = self._labeller.label(shard, Path(self._memory.name))
        return {"number": [shard.number], "prompts": [shard.prompts], "part": [str(part)]}


def label_on_ray(labeller: Labeller, shards: list[Shard], shown: Bar) -> Iterator[tuple[int, Path]]:
    """Label shards on the cluster that RAY_ADDRESS names, or on one of this machine's processors.

    An actor takes a GPU where the cluster has one, else a processor.
    """
    if not shards:
        return
    rows = [
        {**asdict(shard.entry), "folder": str(shard.path.parent.absolute())}
        | {"number": shard.number, "prompts": shard.prompts}
        for shard in shards
    ]
    folders = {
        name: path and path.absolute()
        for name in ("model", "weights", "cache")
        for path in [getattr(labeller, name)]
    }
    with cluster() as ray:
        gpus = ray.cluster_resources().get("GPU", 0)
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Worker,
            fn_constructor_args=(replace(labeller, **folders),),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=len(rows)),
            num_cpus=0 if gpus else 1,
            num_gpus=1 if gpus else 0,
        )
        for row in done.iter_rows():
            shown.done(int(row["prompts"]))
            yield int(row["number"]), Path(row["part"])


@contextmanager
def cluster() -> Iterator[Any]:
    """Yield Ray, connected; a cluster that was started here is stopped again."""
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray
        import ray.data

        with connected(ray):
            yield ray


@contextmanager
def connected(ray: Any) -> Iterator[None]:  # noqa: ANN401
    """Connect to a cluster, or start one here and stop it after; signals stay as they are."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ray.init(logging_level="error", log_to_driver=False, include_dashboard=False)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()
