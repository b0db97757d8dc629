"""Which model an account asks, and when it moves to a new one."""

from __future__ import annotations

import numpy as np

from .clock import DAY
from .mix import Mix

FAVOURITE = 0.8
"""The share of an account's sessions that ask its favourite model."""


class Models:
    """One account's models: a favourite, the others now and then, a launched one after its move.

    An account that moves does so at a random time: within a day of the launch where it pivots,
    else in the days that are left.
    """

    def __init__(self, mix: Mix, pivot: float | None, rng: np.random.Generator) -> None:
        """Draw the favourite, and whether and when the account moves."""
        self._names = sorted(mix.models)
        self._shares = np.array([mix.models[name] for name in self._names])
        self._favourite = str(rng.choice(self._names, p=self._shares))
        moves, delay = rng.random(2)
        self._moves_at = np.inf
        if mix.launch and moves < (mix.launch.adoption if pivot is None else pivot):
            room = DAY if pivot is not None else DAY * (mix.days - mix.launch.day)
            self._moves_at = DAY * mix.launch.day + delay * room
            self._launched = mix.launch.model

    def at(self, start: float, rng: np.random.Generator) -> str:
        """Return the model of a session that starts at this time, seconds since `clock.EPOCH`."""
        keeps, other = rng.random(), str(rng.choice(self._names, p=self._shares))
        if start >= self._moves_at:
            return self._launched
        return self._favourite if keeps < FAVOURITE else other
