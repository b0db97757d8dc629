"""A record for each cluster: whose it is, what it asks, how alike, and what stands near it."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.templates import find_template
from .areas import AreaMap
from .clusters import Clusters
from .store import PromptIndex

SHOWN, FRAMED = 3, 20
"""Central prompts that are shown, and that are searched for a template."""
KIN = 3


def describe(
    index: PromptIndex, clusters: Clusters, names: list[str], areas: AreaMap
) -> list[dict[str, Any]]:
    """Return one record per cluster, largest first; `size` counts prompts with their repeats.

    `neighbours` are the clusters of the nearest branch of the condensed tree, most similar
    centre first; empty for clusters kept from an earlier batch, whose tree is gone.
    """
    members = np.argsort(clusters.labels, kind="stable")
    starts = np.searchsorted(clusters.labels[members], np.arange(len(names) + 1))
    centres, central = _centres(index.vectors, members, starts)
    placed = areas.place(centres)
    records = []
    for told in _told(index, clusters.labels):
        label = told["cluster"]
        prompts = index.prompts.take(pa.array(central[label])).to_pylist()
        records.append(
            {
                "cluster": label,
                "size": told["size"],
                "name": names[label],
                "area": areas.areas[placed.area[label]],
                "area_similarity": round(float(placed.similarity[label]), 4),
                "accounts": told["accounts"],
                "sessions": told["sessions"],
                "exemplars": prompts[:SHOWN],
                "first": _utc(told["first"]),
                "last": _utc(told["last"]),
                "repeats": round(told["repeats"], 4),
                "skeleton": find_template(prompts).skeleton,
                "neighbours": _nearest(clusters.kin[label], centres, label),
            }
        )
    return records


def _centres(
    vectors: NDArray[np.float32], members: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.float32], list[NDArray[np.int64]]]:
    """Return each cluster's mean direction and its `FRAMED` members nearest to it."""
    centres = np.zeros((len(starts) - 1, vectors.shape[1]), dtype=np.float32)
    central = []
    for label in range(len(centres)):
        own = members[starts[label] : starts[label + 1]]
        rows = vectors[own]
        centre = rows.mean(axis=0)
        centres[label] = centre / max(float(np.linalg.norm(centre)), 1e-12)
        central.append(own[np.argsort(-(rows @ centres[label]), kind="stable")[:FRAMED]])
    return centres, central


def _told(index: PromptIndex, labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    inside = np.flatnonzero(labels >= 0)
    query = files(__package__).joinpath("clusters.sql").read_text(encoding="utf-8")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("rows", index.rows.select(["prompt", "account_id", "session_id", "timestamp"]))
        db.register(
            "labelled", pa.table({"prompt": pa.array(inside), "cluster": pa.array(labels[inside])})
        )
        found = db.execute(query)
        fields = [column[0] for column in found.description or []]
        return [dict(zip(fields, row, strict=True)) for row in found.fetchall()]


def _nearest(kin: NDArray[np.int64], centres: NDArray[np.float32], label: int) -> list[int]:
    order = np.argsort(-(centres[kin] @ centres[label]), kind="stable")[:KIN]
    return [int(number) for number in kin[order]]


def _utc(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat().replace("+00:00", "Z")
