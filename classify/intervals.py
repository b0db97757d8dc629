"""Bootstrap intervals that resample sources: sessions of one source are not independent looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import HEADLINE, LOWER_IS_BETTER, Labels, Scores

DRAWS = 500
FEWEST = 2
"""Fewest sources of each label that an interval rests on."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a model's figure is from another model's.

    Attributes:
        name: of the figure, as in `HEADLINE`.
        model: its value for the model.
        other: its value for the other model.
        interval: of model minus other; None where there are too few sources for one.
    """

    name: str
    model: float
    other: float
    interval: Interval | None

    @property
    def worse(self) -> bool:
        """Whether the whole interval says that the model is worse than the other."""
        if self.interval is None:
            return False
        low, high = self.interval
        return low > 0 if self.name in LOWER_IS_BETTER else high < 0

    def record(self) -> dict[str, Any]:
        """Return it for the figures."""
        return {
            "model": round(self.model, 4),
            "other": round(self.other, 4),
            "difference": round(self.model - self.other, 4),
            "interval": rounded(self.interval),
        }


def intervals(
    extraction: Labels, scores: Scores, source: NDArray[np.int64]
) -> dict[str, Interval | None]:
    """Return the 95 % interval of each figure of `HEADLINE`; see `bootstrap`."""
    drawn = bootstrap(extraction, scores[None], source)
    return {name: percentile(drawn[:, 0, i]) for i, name in enumerate(HEADLINE)}


def differences(
    extraction: Labels, scores: Scores, other: Scores, source: NDArray[np.int64]
) -> dict[str, Difference]:
    """Compare two models' scores (sessions,) of the same sessions, drawn together each time."""
    drawn = bootstrap(extraction, np.stack([scores, other]), source)
    change = drawn[:, 0] - drawn[:, 1]
    return {
        name: Difference(
            name, figure(extraction, scores), figure(extraction, other), percentile(change[:, i])
        )
        for i, (name, figure) in enumerate(HEADLINE.items())
    }


def bootstrap(
    extraction: Labels,
    scores: NDArray[np.float64],
    source: NDArray[np.int64],
    draws: int = DRAWS,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Compute the figures again and again on sources drawn with replacement.

    The bootstrap (Efron 1979) over clusters (Davison and Hinkley 1997, section 3.8): as many
    sources are drawn as there are, each with all of its sessions. With few sources the intervals
    are too narrow. Draws that lack a label are left out.

    Args:
        extraction: the label (sessions,).
        scores: of each model, (models, sessions).
        source: where each session is from, as codes (sessions,).
        draws: how many times.
        seed: of the draws.

    Returns:
        (draws kept, models, figures of `HEADLINE`); none where a label is from fewer than `FEWEST`
        sources.
    """
    codes, of = np.unique(source, return_inverse=True)
    rng = np.random.default_rng(seed)
    told: list[list[list[float]]] = []
    if min(len(np.unique(source[extraction == label])) for label in (True, False)) >= FEWEST:
        for _ in range(draws):
            times = np.bincount(rng.integers(len(codes), size=len(codes)), minlength=len(codes))
            rows = np.repeat(np.arange(len(of)), times[of])
            label = extraction[rows]
            if label.any() and not label.all():
                told.append([[f(label, s[rows]) for f in HEADLINE.values()] for s in scores])
    return np.array(told).reshape(len(told), len(scores), len(HEADLINE))


def percentile(values: NDArray[np.float64]) -> Interval | None:
    """Return the 95 % percentile interval of a figure's draws; None where there are none."""
    if not len(values):
        return None
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def rounded(interval: Interval | None) -> list[float] | None:
    """Return an interval for the figures."""
    return None if interval is None else [round(end, 4) for end in interval]
