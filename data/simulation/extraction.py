"""Accounts that extract: each alone; `campaigns` has those that do it together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..pool import PoolSource
from ..recipes import Grid, Wrapper
from .organic import sample
from .session import Account, Composed, pick, stretch, take
from .shelf import Shelf

DILUTION = (0.1, 0.7)
WRAPPED = 0.5
"""How many ladders have a wrapper around each prompt."""

LEVELS = ("easy", "medium", "hard")


def swept_source(shelf: Shelf, rng: np.random.Generator) -> Account:
    """One source as it is: neighbouring prompts, or a random sample."""
    source = pick(shelf.extraction, rng)
    draw = pick([take, stretch], rng)

    def compose(length: int, rng: np.random.Generator) -> Composed:
        return Composed(draw(source.prompts, length, rng), [source.name], [], source.area)

    return Account(compose)


def wrapped_source(shelf: Shelf, rng: np.random.Generator) -> Account:
    """One source, one wrapper around each of its prompts."""
    return _rotated(shelf, [pick(shelf.wrappers, rng)], rng)


def paraphrase_rotation(shelf: Shelf, rng: np.random.Generator) -> Account:
    """One source, the wrapper changed from prompt to prompt."""
    return _rotated(shelf, take(shelf.wrappers, int(rng.integers(2, 6)), rng), rng)


def _rotated(shelf: Shelf, wrappers: list[Wrapper], rng: np.random.Generator) -> Account:
    swept = swept_source(shelf, rng)

    def compose(length: int, rng: np.random.Generator) -> Composed:
        session = swept.compose(length, rng)
        prompts = [
            wrappers[i % len(wrappers)].template.format(task=task)
            for i, task in enumerate(session.prompts)
        ]
        return replace(session, prompts=prompts, templates=[w.name for w in wrappers])

    return Account(compose, wrappers[0].system)


def grid(shelf: Shelf, rng: np.random.Generator) -> Account:
    """A template and its slots, in order or shuffled."""
    chosen = pick(shelf.grids, rng)
    prompts = chosen.prompts()
    draw = pick([take, stretch], rng)

    def compose(length: int, rng: np.random.Generator) -> Composed:
        return Composed(draw(prompts, length, rng), [chosen.name], [chosen.name], chosen.area)

    return Account(compose)


def ladder(shelf: Shelf, rng: np.random.Generator) -> Account:
    """One source from its easiest to its hardest prompts, wrapped or not."""
    source = pick(shelf.extraction, rng)
    ordered = [source.prompts[i] for i in easiest_first(source)]
    wrapper = pick(shelf.wrappers, rng) if rng.random() < WRAPPED else None

    def compose(length: int, rng: np.random.Generator) -> Composed:
        tasks = take(range(len(ordered)), length, rng)
        prompts = [ordered[place] for place in sorted(tasks)]
        if wrapper:
            prompts = [wrapper.template.format(task=task) for task in prompts]
        names = [wrapper.name] if wrapper else []
        return Composed(prompts, [source.name], names, source.area)

    return Account(compose, wrapper.system if wrapper else None)


def easiest_first(source: PoolSource) -> list[int]:
    """Order a source's prompts: by its own levels where it has such, then by length."""
    levels = [level.lower() for level in source.levels]
    known = len(levels) == len(source.prompts) and set(levels) <= set(LEVELS)
    rank = [LEVELS.index(level) for level in levels] if known else [0] * len(source.prompts)
    return sorted(range(len(rank)), key=lambda i: (rank[i], len(source.prompts[i]), i))


def several_areas(shelf: Shelf, rng: np.random.Generator) -> Account:
    """Two to four sources or grids in turn, a block of each."""
    parts = [_part(shelf, rng) for _ in range(int(rng.integers(2, 5)))]

    def compose(length: int, rng: np.random.Generator) -> Composed:
        block = -(-length // len(parts))
        sessions = [part.compose(block, rng) for part in parts]
        return Composed(
            [prompt for session in sessions for prompt in session.prompts][:length],
            sorted({name for session in sessions for name in session.sources}),
            sorted({name for session in sessions for name in session.templates}),
        )

    return Account(compose)


def diluted(shelf: Shelf, rng: np.random.Generator) -> Account:
    """Extraction with a share of organic prompts mixed in."""
    part = pick([_part, ladder, paraphrase_rotation], rng)(shelf, rng)
    share = rng.uniform(*DILUTION)
    return replace(part, compose=lambda length, rng: dilute(part, share, shelf, length, rng))


def slow_and_low(shelf: Shelf, rng: np.random.Generator) -> Account:
    """Any single-account extraction, but with few prompts, far apart (see `SLOW_KINDS`)."""
    return pick([_part, ladder, paraphrase_rotation, several_areas], rng)(shelf, rng)


def dilute(
    account: Account, share: float, shelf: Shelf, length: int, rng: np.random.Generator
) -> Composed:
    """Compose a session and put organic prompts of one source at random places of it."""
    session = account.compose(length, rng)
    places = np.flatnonzero(rng.random(length) < share)
    organic, source = sample(shelf, max(1, len(places)), rng)
    prompts = list(session.prompts)
    for place, prompt in zip(places, organic, strict=False):
        prompts[place] = prompt
    sources = [*session.sources, source.name] if len(places) else session.sources
    return replace(session, prompts=prompts, sources=sources)


def _part(shelf: Shelf, rng: np.random.Generator) -> Account:
    return pick([swept_source, wrapped_source, grid], rng)(shelf, rng)


def tasks_of(shelf: Shelf, area: str) -> list[PoolSource | Grid]:
    """Return the sources and grids of one area."""
    found = [s for s in shelf.extraction if s.area == area]
    return [*found, *(g for g in shelf.grids if g.area == area)]
