"""The traffic at a glance: sessions, prompts over time and areas, each by verdict."""

from __future__ import annotations

import numpy as np

from .charts import Volume, volume
from .view import LABELLED, View


def sessions_of(view: View) -> dict[str, int]:
    """Return the number of sessions by verdict."""
    counts = np.bincount(view.verdict, minlength=len(LABELLED))
    return dict(zip(LABELLED, counts.tolist(), strict=True))


def volume_of(view: View) -> Volume:
    """Return the prompts over time by the verdict on their sessions; those without a time not."""
    times = view.index.senders.time
    known = times < np.iinfo(np.int64).max
    return volume(times[known], view.verdict[view.sessions.of][known], LABELLED)


def areas_of(view: View) -> dict[str, dict[str, int]]:
    """Return the prompts of each area by verdict, the largest first; none until it is known."""
    if view.areas is None or view.area is None:
        return {}
    place = view.area[view.index.senders.prompt] * len(LABELLED) + view.verdict[view.sessions.of]
    size = len(view.areas.areas) * len(LABELLED)
    counts = np.bincount(place, minlength=size).reshape(-1, len(LABELLED))
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    return {
        view.areas.areas[i]: dict(zip(LABELLED, counts[i].tolist(), strict=True))
        for i in order
        if counts[i].any()
    }
