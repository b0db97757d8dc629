"""Traffic that turns to a new model within a day of its launch, beyond what everyone's did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

from ...data import InputError
from .conduct import told
from .things import Accounts, Ints

DAY = 86_400_000_000
"""Microseconds."""
HOUR = DAY // 24
FIRST = 3
"""A model's launch is when so many accounts have asked it: one may have had it before."""
ABSENT = 1e-9
"""A model is new where its absence before would be so rare."""


@dataclass(frozen=True, slots=True)
class Launch:
    """When a model became available.

    Attributes:
        model: as the traffic names it.
        time: microseconds since 1970.
        found: whether it was found in the traffic, not told.
    """

    model: str
    time: int
    found: bool


def read_launches(told: Sequence[str]) -> list[Launch]:
    """Read launches as MODEL=TIME, the time ISO 8601, UTC where it names no zone.

    Raises:
        InputError: one is something else.
    """
    launches = []
    for text in told:
        model, _, when = text.rpartition("=")
        try:
            time = datetime.fromisoformat(when)
        except ValueError:
            time = None
        if not model or time is None:
            raise InputError(
                f"the launch {text}",
                "MODEL=TIME, the time ISO 8601",
                "Write it as --launch some-model=2026-02-05T10:00:00Z.",
            )
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        launches.append(Launch(model, int(time.timestamp() * 1e6), found=False))
    return launches


class Moves:
    """Who asked which model when, one row for each row of `Accounts` with a model and a time."""

    def __init__(self, table: pa.Table, accounts: Accounts) -> None:
        """Take the columns `model` and `timestamp` of the accounts' rows."""
        rows = pa.array(accounts.rows)
        coded = table["model"].combine_chunks().take(rows).dictionary_encode()
        model = np.asarray(coded.indices.fill_null(-1), dtype=np.int64)
        times = table["timestamp"].cast(pa.int64()).combine_chunks().take(rows)
        kept = (model >= 0) & np.asarray(pc.is_valid(times))
        self._model, self._of = model[kept], accounts.of[kept]
        self._time = np.asarray(times.fill_null(0), dtype=np.int64)[kept]
        self._names: list[str] = coded.dictionary.to_pylist()
        self._accounts = len(accounts)

    def check(self, launches: Sequence[Launch]) -> None:
        """Raise `InputError` where a launched model is in no row."""
        if unknown := [one.model for one in launches if one.model not in self._names]:
            raise InputError(
                f"the launch of {unknown[0]}, which no row asks",
                f"one of the models {', '.join(sorted(self._names)[:10]) or '(none)'}",
                "Write the model as the traffic does.",
            )

    def launches(self) -> list[Launch]:
        """Find the models that were launched in the time of the traffic.

        The change point of a model's share is taken to be when the third account asks it: a few may
        have had it before. It is a launch where the model is all but absent before that, by a
        hypergeometric test over units; a unit is an account in an hour.
        """
        hour = self._time // HOUR
        return [
            Launch(name, int(at), found=True)
            for number, name in sorted(enumerate(self._names), key=lambda pair: pair[1])
            if (at := self._launch(number, hour)) is not None
        ]

    def _launch(self, model: int, hour: Ints) -> int | None:
        asks = self._model == model
        firsts = np.sort(np.unique(self._of[asks], return_index=True)[1])
        if len(firsts) < FIRST:
            return None
        at = int(self._time[asks][firsts[FIRST - 1]])
        unit = np.unique((hour * self._accounts + self._of) * 2 + asks)
        before, seen = unit // 2 // self._accounts < at // HOUR, unit % 2 == 1
        log_p = stats.hypergeom.logcdf(
            int((before & seen).sum()), len(seen), int(seen.sum()), int(before.sum())
        )
        return at if log_p < np.log(ABSENT) else None

    def asked_within_a_day(self, launch: Launch) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which accounts ask anything, and the new model, in the day after its launch."""
        day = (self._time >= launch.time) & (self._time < launch.time + DAY)
        model = self._names.index(launch.model)
        active, moved = np.zeros(self._accounts, bool), np.zeros(self._accounts, bool)
        active[self._of[day]] = True
        moved[self._of[day & (self._model == model)]] = True
        return active, moved


@dataclass(frozen=True, slots=True)
class Pivot:
    """How a group's accounts turned to a new model within a day of its launch.

    Attributes:
        launch: of which model, when.
        active: how many of the group's accounts asked anything that day.
        moved: how many of those asked the new model.
        share: moved / active.
        cohort_share: the same of all other accounts.
        p_value: one-sided, over accounts.
        q_value: adjusted for all groups and launches (Benjamini and Hochberg 1995).
    """

    launch: Launch
    active: int
    moved: int
    share: float
    cohort_share: float
    p_value: float
    q_value: float

    def record(self) -> dict[str, Any]:
        """Return the pivot as an output record; `effect` is the difference of the shares."""
        return {
            "model": self.launch.model,
            "launch": told(self.launch.time),
            "launch_found": self.launch.found,
            "active": self.active,
            "moved": self.moved,
            "share": round(self.share, 4),
            "cohort_share": round(self.cohort_share, 4),
            "effect": round(self.share - self.cohort_share, 4),
            "p_value": float(f"{self.p_value:.4g}"),
            "q_value": float(f"{self.q_value:.4g}"),
        }


def find_pivots(moves: Moves, launches: list[Launch], groups: list[Ints]) -> list[list[Pivot]]:
    """Test each group's accounts against all others at each launch (groups x launches).

    Of all accounts that asked anything in the day after the launch, those that asked the new model
    fall on the group by the hypergeometric distribution if it is like the rest (Fisher 1935). An
    account counts once, however much it asks: prompts of one account are not independent.
    """
    days = [moves.asked_within_a_day(launch) for launch in launches]
    counts = np.array([[_counts(*day, group) for day in days] for group in groups], np.int64)
    if not counts.size:
        return [[] for _ in groups]
    everyone, movers, ours, gone = np.moveaxis(counts, 2, 0)
    p_value = np.minimum(stats.hypergeom.sf(gone - 1, everyone, movers, ours), 1.0)
    q_value = stats.false_discovery_control(p_value, axis=None).reshape(p_value.shape)
    share = gone / np.maximum(ours, 1)
    cohort = (movers - gone) / np.maximum(everyone - ours, 1)
    columns = (ours, gone, share, cohort, p_value, q_value)
    return [
        [
            Pivot(launch, *(column[i, j].item() for column in columns))
            for j, launch in enumerate(launches)
        ]
        for i in range(len(groups))
    ]


def strongest(pivots: list[Pivot]) -> dict[str, Any] | None:
    """Return the record of the pivot that chance explains least; None where there was no launch."""
    best = min(pivots, key=lambda pivot: (pivot.p_value, pivot.launch.time), default=None)
    return best.record() if best else None


def _counts(
    active: NDArray[np.bool_], moved: NDArray[np.bool_], group: Ints
) -> tuple[int, int, int, int]:
    return int(active.sum()), int(moved.sum()), int(active[group].sum()), int(moved[group].sum())
