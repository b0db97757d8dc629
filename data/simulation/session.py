"""What one account does: a composer of sessions that keeps to what the account once chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Composed:
    """One session, and what only its composer knows.

    Attributes:
        prompts: in order.
        sources: where they are from: sources of the pool and grids.
        templates: the applications, wrappers, grids and suffixes that made them.
        area: the area it is after; None where there is none, or several.
    """

    prompts: list[str]
    sources: Sequence[str]
    templates: Sequence[str] = ()
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """How an account composes a session of so many prompts, and the system prompt of its own."""

    compose: Callable[[int, np.random.Generator], Composed]
    system: str | None = None


def pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    """Choose one, each as likely."""
    return choices[int(rng.integers(len(choices)))]


def take(choices: Sequence[T], count: int, rng: np.random.Generator) -> list[T]:
    """Choose so many in random order, none twice before all were once."""
    rounds = -(-count // len(choices))
    places = np.concatenate([rng.permutation(len(choices)) for _ in range(rounds)])
    return [choices[place] for place in places[:count]]


def stretch(choices: Sequence[T], count: int, rng: np.random.Generator) -> list[T]:
    """Choose so many that stand together, from a random place, on to the start after the end."""
    start = int(rng.integers(len(choices)))
    return [choices[(start + step) % len(choices)] for step in range(count)]
