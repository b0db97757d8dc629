"""Labelled sessions composed from pool sources: what the shipped model learns from.

Every session takes all it is made of from one group (see `split`), so that a model can be tested
on sessions that share no source, template, wrapper or grid with those it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .errors import InputError
from .pool import PoolSource, load_pool
from .recipes import PAYLOADS, Application, Grid, Wrapper, applications, grids, wrappers
from .schema import SCHEMA
from .split import FOLDS, HELD_OUT, assign_groups, group_of
from .write import check_output, replacing

T = TypeVar("T")

MODELS = ("meridian-2", "meridian-2-mini", "meridian-3")
LENGTHS = (5, 60)
"""Fewest and most prompts of a session; lengths are log-uniform for every kind alike."""

MIX = {
    "real_sessions": 0.20,
    "mixed_prompts": 0.06,
    "application": 0.24,
    "swept_source": 0.13,
    "wrapped_source": 0.13,
    "grid": 0.10,
    "several_areas": 0.07,
    "diluted": 0.07,
}
"""The share of each kind of session; the first three are organic."""

Composed = tuple[list[str], str | None, str, str | None]
"""Prompts, system prompt, source, area."""


@dataclass
class Shelf:
    """What one group's sessions may be made of."""

    organic: list[PoolSource] = field(default_factory=list)
    extraction: list[PoolSource] = field(default_factory=list)
    payloads: dict[str, PoolSource] = field(default_factory=dict)
    applications: list[Application] = field(default_factory=list)
    wrappers: list[Wrapper] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)


def write_simulation(
    pool: Path, output: Path, *, sessions: int, seed: int = 0, held_out: bool = False
) -> None:
    """Write simulated traffic to a Parquet file; see `simulate`.

    Raises:
        InputError: the pool or the output cannot be used.
    """
    check_output(output, (".parquet",))
    table = simulate(load_pool(pool), sessions, seed=seed, held_out=held_out)
    with replacing(output) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def simulate(
    sources: Sequence[PoolSource], sessions: int, *, seed: int = 0, held_out: bool = False
) -> pa.Table:
    """Compose labelled traffic in `SCHEMA`, sessions in random order.

    Args:
        sources: the pool.
        sessions: how many sessions to compose.
        seed: the same seed gives the same table.
        held_out: compose from the sources that may not train, else from those that may.

    Raises:
        InputError: the pool lacks a kind of source.
    """
    rng = np.random.default_rng(seed)
    shelves = stock(sources)
    groups = [HELD_OUT] if held_out else [f"fold-{fold}" for fold in range(FOLDS)]
    kinds = rng.choice(list(MIX), size=sessions, p=list(MIX.values()))
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for number, kind in enumerate(kinds):
        group = groups[number % len(groups)]
        prompts, system, source, area = COMPOSERS[kind](shelves[group], _length(rng), rng)
        constant = dict.fromkeys(SCHEMA.names[1:]) | {
            "session_id": f"s-{number:06x}",
            "account_id": f"a-{int(rng.integers(1 << 32)):08x}",
            "account_from": "user",
            "model": str(rng.choice(MODELS)),
            "system": system,
            "label": "organic" if kind in list(MIX)[:3] else "extraction",
            "kind": str(kind),
            "area": area,
            "source": source,
            "group": group,
        }
        varying = {
            "prompt": prompts,
            "prompt_chars": map(len, prompts),
            "timestamp": _times(len(prompts), rng),
        }
        for name in SCHEMA.names:
            columns[name] += varying.get(name) or [constant[name]] * len(prompts)
    return pa.table(columns, schema=SCHEMA)


def stock(sources: Sequence[PoolSource]) -> dict[str, Shelf]:
    """Put sources and recipes on their groups' shelves.

    An application goes where its payload's source is, so both are held out together.

    Raises:
        InputError: a group would have no source of some kind.
    """
    shelves = {name: Shelf() for name in (HELD_OUT, *(f"fold-{fold}" for fold in range(FOLDS)))}
    payload_names = {source: kind for kind, source in PAYLOADS.items()}
    used = [s for s in sources if s.kind != "payload" or s.name in payload_names]
    groups = assign_groups(used)
    for source in used:
        shelf = shelves[groups[source.name]]
        if source.kind == "payload":
            shelf.payloads[payload_names[source.name]] = source
        else:
            (shelf.organic if source.kind == "organic" else shelf.extraction).append(source)
    for application in applications():
        payload = next((p for p in application.payloads if PAYLOADS[p] in groups), None)
        if payload is not None:
            shelves[groups[PAYLOADS[payload]]].applications.append(application)
    for position, wrapper in enumerate(wrappers()):
        shelves[group_of(position)].wrappers.append(wrapper)
    for position, grid in enumerate(grids()):
        shelves[group_of(position)].grids.append(grid)
    _check(shelves)
    return shelves


def _check(shelves: dict[str, Shelf]) -> None:
    for name, shelf in shelves.items():
        for kind in ("organic", "extraction", "payloads", "applications"):
            if not getattr(shelf, kind):
                raise InputError(
                    f"the pool gives the group {name} no {kind}",
                    "a pool with organic, payload and extraction sources for each of six groups",
                    "Use the whole development pool.",
                )


def _real_sessions(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    """One person: real sessions of one source, one after the other, each in its own order."""
    candidates = [s for s in shelf.organic if len(s.sessions) < len(s.prompts)] or shelf.organic
    source = _pick(candidates, rng)
    prompts: list[str] = []
    while len(prompts) < length:
        prompts += _pick(source.sessions, rng)
    return prompts[:length], None, source.name, None


def _mixed_prompts(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    """A shared account: single organic prompts of all kinds."""
    source = _pick(shelf.organic, rng)
    return _take(source.prompts, length, rng), None, source.name, None


def _application(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    application = _pick(shelf.applications, rng)
    source = next(shelf.payloads[p] for p in application.payloads if p in shelf.payloads)
    prompts = [
        application.template.format(payload=text) for text in _take(source.prompts, length, rng)
    ]
    return prompts, application.system, source.name, None


def _swept_source(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    """Neighbouring prompts of one source in order, or a random sample of it."""
    source = _pick(shelf.extraction, rng)
    if rng.random() < 0.5:
        start = int(rng.integers(max(1, len(source.prompts) - length)))
        return source.prompts[start : start + length], None, source.name, source.area
    return _take(source.prompts, length, rng), None, source.name, source.area


def _wrapped_source(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    prompts, _, source, area = _swept_source(shelf, length, rng)
    wrapper = _pick(shelf.wrappers, rng)
    return [wrapper.template.format(task=p) for p in prompts], wrapper.system, source, area


def _grid(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    grid = _pick(shelf.grids, rng)
    prompts = grid.prompts()
    if rng.random() < 0.5:
        start = int(rng.integers(max(1, len(prompts) - length)))
        return prompts[start : start + length], None, grid.name, grid.area
    return _take(prompts, length, rng), None, grid.name, grid.area


def _several_areas(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    """A block of each of two to four sources, one after the other."""
    count = min(int(rng.integers(2, 5)), len(shelf.extraction))
    chosen = [shelf.extraction[i] for i in rng.permutation(len(shelf.extraction))[:count]]
    prompts = [p for s in chosen for p in _take(s.prompts, -(-length // count), rng)]
    return prompts[:length], None, chosen[0].name, None


def _diluted(shelf: Shelf, length: int, rng: np.random.Generator) -> Composed:
    """An extraction session with 10 to 70 % organic prompts mixed in."""
    compose = _pick([_swept_source, _wrapped_source, _grid], rng)
    prompts, system, source, area = compose(shelf, length, rng)
    for place in rng.permutation(len(prompts))[: int(len(prompts) * rng.uniform(0.1, 0.7))]:
        prompts[place] = _pick(_pick(shelf.organic, rng).prompts, rng)
    return prompts, system, source, area


COMPOSERS: dict[str, Callable[[Shelf, int, np.random.Generator], Composed]] = {
    "real_sessions": _real_sessions,
    "mixed_prompts": _mixed_prompts,
    "application": _application,
    "swept_source": _swept_source,
    "wrapped_source": _wrapped_source,
    "grid": _grid,
    "several_areas": _several_areas,
    "diluted": _diluted,
}


def _pick(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]


def _take(prompts: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    return [prompts[i] for i in rng.permutation(len(prompts))[:count]]


def _length(rng: np.random.Generator) -> int:
    return round(float(np.exp(rng.uniform(*np.log(LENGTHS)))))


def _times(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Arrival times in µs: one clock for every kind, log-normal pauses from a random start."""
    start = rng.integers(1_767_225_600, 1_769_904_000)
    pauses = np.minimum(np.exp(rng.normal(4.0, 1.2, size=count)), 1500.0)
    return iter(((start + np.cumsum(pauses)) * 1e6).astype(np.int64).tolist())
