"""Labelled traffic from a pool and a mix, written account by account: memory does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import InputError
from ..pool import PoolSource, load_pool
from ..schema import SCHEMA
from ..split import JOIN
from ..write import check_output, replacing
from .clock import arrivals, starts
from .invented import INVENTED, invented_shelves
from .mix import SLOW_KINDS, Mix, Sources, load_mix
from .models import Models
from .population import Member, log_uniform, populate
from .session import pick
from .shelf import Shelf, stock

BATCH = 20_000
"""Rows that are gathered before they are written."""

SLOWEST = 12
"""Most prompts of a session of a slow kind."""


def write_simulation(
    pool: Path,
    output: Path,
    *,
    sessions: int,
    seed: int = 0,
    mix: str | None = None,
    held_out: bool = False,
) -> None:
    """Write simulated traffic to a Parquet file; see `simulate`.

    Args:
        pool: the pool's folder, or `invented` for the project's own sources.
        output: where to; the file appears whole or not at all.
        sessions: how many.
        seed: the same seed gives the same file.
        mix: a shipped mix or a TOML file; without one, `standard`, `held-out` for such sources, or
            `invented` for the project's own.
        held_out: compose from the sources that may not train.

    Raises:
        InputError: the pool, the mix or the output cannot be used.
    """
    check_output(output, (".parquet",))
    own = str(pool) == INVENTED
    chosen = load_mix(mix or (INVENTED if own else "held-out" if held_out else "standard"))
    if own and (held_out or chosen.sources != Sources()):
        raise InputError(
            "a choice among the project's own sources",
            "all of them: none is held out",
            "Leave out --held-out and the mix's sources, or name a pool's folder.",
        )
    if own:
        batches = compose(invented_shelves(), sessions, chosen, seed=seed)
    else:
        batches = simulate(load_pool(pool), sessions, chosen, seed=seed, held_out=held_out)
    first = next(batches)
    with (
        replacing(output) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer,
    ):
        writer.write_table(first)
        for batch in batches:
            writer.write_table(batch)


def simulate(
    sources: list[PoolSource], sessions: int, mix: Mix, *, seed: int = 0, held_out: bool = False
) -> Iterator[pa.Table]:
    """Compose labelled traffic from a pool; see `compose`.

    Args:
        sources: the pool.
        sessions: how many sessions to compose.
        mix: what of.
        seed: the same seed gives the same tables.
        held_out: compose from the sources that may not train, else from those that may.

    Raises:
        InputError: the pool has not what the mix asks for.
    """
    shelves = stock(_wanted(sources, mix), held_out=held_out)
    return compose(shelves, sessions, mix, seed=seed)


def compose(
    shelves: dict[str, Shelf], sessions: int, mix: Mix, *, seed: int = 0
) -> Iterator[pa.Table]:
    """Compose labelled traffic in `SCHEMA`, accounts in random order, each with its sessions.

    Every account draws from a stream of its own, so what one does changes nothing for the next.

    Args:
        shelves: what each group's sessions are made of.
        sessions: how many sessions to compose.
        mix: what of.
        seed: the same seed gives the same tables.

    Yields:
        Tables of about `BATCH` rows.

    Raises:
        InputError: the shelves have not what the mix asks for.
    """
    members = populate(mix, shelves, sessions, np.random.default_rng([seed, 0]))
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for position, member in enumerate(members):
        rng = np.random.default_rng([seed, 1, position])
        for session in _account(member, mix, shelves[member.role.group.split(JOIN)[0]], rng):
            for name, values in session.items():
                columns[name] += values
        if len(columns["prompt"]) >= BATCH or position == len(members) - 1:
            yield pa.table(columns, schema=SCHEMA)
            columns = {name: [] for name in SCHEMA.names}


def _wanted(sources: list[PoolSource], mix: Mix) -> list[PoolSource]:
    named = {source.name for source in sources}
    if unknown := sorted({*mix.sources.only, *mix.sources.without} - named):
        raise InputError(
            f"no source {', '.join(unknown)} in the pool",
            f"sources of its catalog: {', '.join(sorted(named))}",
            "Correct the mix's sources.",
        )
    only = set(mix.sources.only) or named
    return [s for s in sources if s.name in only and s.name not in mix.sources.without]


def _account(
    member: Member, mix: Mix, shelf: Shelf, rng: np.random.Generator
) -> Iterator[dict[str, list[Any]]]:
    """Compose one account's sessions, as columns."""
    role = member.role
    account = role.make(rng)
    generic = pick(shelf.systems, rng)
    system = (account.system or generic) if rng.random() < mix.system else None
    account_id = rng.bytes(8).hex()
    pace = float(rng.normal())
    slow = role.kind in SLOW_KINDS
    low, most = mix.prompts_per_session
    fewest = max(low, min(most, SLOWEST))
    models = Models(mix, role.pivot, rng)
    for start in starts(member.sessions, mix.days, rng):
        length = log_uniform((low, fewest if slow else most), rng.random())
        composed = account.compose(length, rng)
        constant = dict.fromkeys(SCHEMA.names[1:]) | {
            "session_id": rng.bytes(8).hex(),
            "account_id": account_id,
            "account_from": "user",
            "model": models.at(start, rng),
            "system": system,
            "label": role.label,
            "kind": role.kind,
            "area": composed.area,
            "campaign": role.campaign,
            "source": JOIN.join(composed.sources) or None,
            "template": JOIN.join(composed.templates) or None,
            "group": role.group,
        }
        yield {name: [value] * length for name, value in constant.items()} | {
            "prompt": composed.prompts,
            "prompt_chars": [len(prompt) for prompt in composed.prompts],
            "timestamp": arrivals(start, length, slow, pace, rng).tolist(),
        }
