"""Numbers of the drawings that templates make: bars over time, and a value among others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 1000.0, 100.0
"""Of the drawing of bars; a page stretches it."""
STEPS = [60 * n for n in (1, 5, 15, 30, 60, 180, 360, 720, 1440, 10080, 43200, 525600)]
"""Seconds that a bar may span."""
BARS = 60
"""At most so many bars, one more where the first begins before the first time."""
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Volume:
    """How many prompts came when.

    Attributes:
        step: seconds of a bar.
        starts: when each begins, in seconds since 1970 (bars,) int64.
        counts: prompts by kind (bars, kinds) int64.
        kinds: their names.
    """

    step: int
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    kinds: Sequence[str]

    def records(self) -> list[dict[str, Any]]:
        """Return a record for each bar."""
        return [
            {
                "start": datetime.fromtimestamp(start, UTC),
                "prompts": dict(zip(self.kinds, row, strict=True)),
            }
            for start, row in zip(self.starts.tolist(), self.counts.tolist(), strict=True)
        ]

    def bars(self) -> list[dict[str, Any]]:
        """Return the rectangles of a stack for each bar: `x y width height kind` and `about`."""
        most = max(1, int(self.counts.sum(axis=1).max(initial=0)))
        width = WIDTH / max(1, len(self.starts))
        drawn = []
        for place, record in enumerate(self.records()):
            top = HEIGHT
            for kind, count in record["prompts"].items():
                height = HEIGHT * count / most
                top -= height
                if count:
                    drawn.append(
                        {
                            "x": round(place * width + 0.5, 2),
                            "y": round(top, 2),
                            "width": round(max(width - 1, 0.5), 2),
                            "height": round(height, 2),
                            "kind": kind,
                            "count": count,
                            "start": record["start"],
                        }
                    )
        return drawn

    @property
    def total(self) -> dict[str, int]:
        """Prompts of all bars by kind."""
        return dict(zip(self.kinds, self.counts.sum(axis=0).tolist(), strict=True))

    @property
    def most(self) -> int:
        """Prompts of the fullest bar."""
        return int(self.counts.sum(axis=1).max(initial=0))


def volume(times: NDArray[np.int64], kind: NDArray[np.int64], kinds: Sequence[str]) -> Volume:
    """Count prompts by time and kind.

    Args:
        times: microseconds since 1970 (prompts,).
        kind: position in `kinds` (prompts,).
        kinds: names.
    """
    if not len(times):
        return Volume(STEPS[0], np.empty(0, np.int64), np.empty((0, len(kinds)), np.int64), kinds)
    seconds = times // SECOND
    low, high = int(seconds.min()), int(seconds.max())
    step = next((step for step in STEPS if (high - low) // step < BARS), (high - low) // BARS + 1)
    first = low // step
    bars = high // step - first + 1
    place = (seconds // step - first) * len(kinds) + kind
    counts = np.bincount(place, minlength=bars * len(kinds)).reshape(bars, len(kinds))
    return Volume(step, (first + np.arange(bars)) * step, counts, kinds)


@dataclass(frozen=True, slots=True)
class Strip:
    """A value among those of organic sessions, on a line from 0 to 100.

    Attributes:
        low, quarter, middle, three_quarters, high: where the 5th, 25th, 50th, 75th and 95th
            percentiles of organic sessions stand.
        at: where the value stands.
    """

    low: float
    quarter: float
    middle: float
    three_quarters: float
    high: float
    at: float


def strip(value: float, quantiles: NDArray[np.float64]) -> Strip:
    """Place a value among quantiles.

    Args:
        value: of a measure.
        quantiles: of the measure among organic sessions, from 0 to 100 percent (101,).
    """
    marks = [float(quantiles[n]) for n in (5, 25, 50, 75, 95)]
    ends = min(value, float(quantiles[1])), max(value, float(quantiles[99]))
    width = (ends[1] - ends[0]) or 1.0
    low, quarter, middle, three, high, at = (
        round(2 + 96 * (min(max(x, ends[0]), ends[1]) - ends[0]) / width, 2)
        for x in (*marks, value)
    )
    return Strip(low, quarter, middle, three, high, at)
