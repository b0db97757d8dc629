"""Models of sessions of one range of lengths, and which of them judges a session.

A long account is no long session: what 40 prompts say of chance, 300 say for certain. So those of
`LONG` prompts or more have classifiers of their own, which learn from such accounts beside
sessions, and a threshold of their own (see docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .classifier import SessionClassifier
from .measures import FIRST, MEASURES
from .passes import Passes, Route, Scores

LONG = 200
"""Fewest prompts of a session or account that the long level judges."""

PASSES = {"first": len(FIRST), "brief": len(MEASURES), "whole": len(MEASURES)}
"""How many measures the classifier of each pass reads."""


@dataclass(frozen=True, slots=True)
class Level:
    """What judges sessions of some range of lengths.

    Attributes:
        passes: the classifiers over measures.
        scores: of training sessions of those lengths, out of fold: what its promises rest on.
        background: quantiles of each measure among the organic ones of them (measures, 101).
    """

    passes: Passes
    scores: Scores
    background: NDArray[np.float64]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it consists of, for a model folder."""
        scores = {f"scores-{each.name}": getattr(self.scores, each.name) for each in fields(Scores)}
        classifiers = {
            f"{name}-{part}": array
            for name in PASSES
            for part, array in getattr(self.passes, name).arrays().items()
        }
        return {"background": self.background.astype(np.float32), **scores, **classifiers}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the level that `arrays` were taken from; others among them are left alone.

        Raises:
            KeyError: an array is missing.
            ValueError: they do not fit together.
        """
        classifiers = {
            name: SessionClassifier.from_arrays(beginning(arrays, name), measures, amount=True)
            for name, measures in PASSES.items()
        }
        return cls(
            Passes(**classifiers),
            Scores(**{each.name: arrays[f"scores-{each.name}"] for each in fields(Scores)}),
            arrays["background"].astype(np.float64),
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """Sessions, each with the level that judges it.

    Attributes:
        levels: at least one.
        routes: how sessions of each level come to their verdicts.
        of: the level of each session, as a position in `levels` (sessions,).
    """

    levels: tuple[Level, ...]
    routes: tuple[Route, ...]
    of: NDArray[np.int64]

    @property
    def let_go(self) -> NDArray[np.float64]:
        """A session whose first score is below it is organic by that score (sessions,)."""
        return np.asarray([route.let_go for route in self.routes], dtype=np.float64)[self.of]

    @property
    def threshold(self) -> NDArray[np.float64]:
        """A score above it is extraction (sessions,)."""
        return np.asarray([route.threshold for route in self.routes], dtype=np.float64)[self.of]

    def take(self, chosen: NDArray[np.int64]) -> Placed:
        """Return some of the sessions."""
        return Placed(self.levels, self.routes, self.of[chosen])

    def background(self, session: int) -> NDArray[np.float64]:
        """Return the background of a session's level (measures, 101)."""
        return self.levels[int(self.of[session])].background

    def effects(
        self, name: str, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Judge sessions by one of `PASSES`.

        Args:
            name: of the pass.
            values: its measures (sessions, measures).

        Returns:
            What each measure adds to the log-odds (sessions, measures), and the scores (sessions,).
        """
        effects, scores = np.zeros_like(values), np.zeros(len(values))
        for number, level in enumerate(self.levels):
            own = self.of == number
            if own.any():
                classifier: SessionClassifier = getattr(level.passes, name)
                effects[own] = classifier.effects(values[own])
                scores[own] = classifier.score_effects(effects[own])
        return effects, scores

    def scores(self, name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the calibrated probabilities that `effects` tells (sessions,)."""
        return self.effects(name, values)[1]


def beginning(arrays: Mapping[str, NDArray[Any]], name: str) -> dict[str, NDArray[Any]]:
    """Return those of `arrays` whose names begin with `name` and a dash, without these."""
    return {
        stored.removeprefix(f"{name}-"): array
        for stored, array in arrays.items()
        if stored.startswith(f"{name}-")
    }
