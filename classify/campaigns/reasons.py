"""Why accounts are together: what they share, in words, and how sure each account is."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from ...data.templates import find_template, shortened
from .corpus import Corpus
from .fingerprints import hash_texts
from .groups import profiles
from .things import KINDS, Accounts, Ints, Things

SHOWN, OF_ACCOUNT, READ, LENGTH = 8, 3, 12, 200
"""Shared things of a group, of one account, prompts read to name one, characters of a name."""
NAMED, SIGNS = 5, 32
"""Shared things that name a group, and that it is known again by."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What a group shares.

    Attributes:
        things: the strongest, the strongest first (shown,) int64.
        told: each in words.
        members: how many of the group hold each (shown,) int64.
        name: the group's, from what it shares alone.
        signs: hashes of the strongest, the strongest first.
    """

    things: Ints
    told: list[dict[str, Any]]
    members: Ints
    name: str
    signs: tuple[int, ...]


def shared_by(
    things: Things, corpus: Corpus, accounts: Accounts, groups: list[Ints]
) -> list[Shared]:
    """Say what each group shares most: the share of its accounts times the thing's weight."""
    if not groups:
        return []
    found = []
    for group in groups:
        every = strongest_of(things, group, SIGNS)
        chosen, signs = every[:SHOWN], tuple(int(name) for name in things.name[every])
        members = np.asarray(things.table[group][:, chosen].sum(axis=0), dtype=np.int64)
        own = accounts.positions(group)
        told = _told(things, corpus, accounts.rows[own], chosen)
        holders = things.holders[chosen]
        for one, inside, everywhere in zip(told, members, holders, strict=True):
            one |= {"accounts": int(inside), "of_all": int(everywhere)}
        found.append(Shared(chosen, told, members, name_of(things, chosen), signs))
    return found


def strongest_of(things: Things, group: Ints, most: int = SHOWN) -> Ints:
    """Return what a group shares most, the strongest first (most,)."""
    row = profiles(things, [group]).tocoo()
    strength, held = row.data.round(9), row.coords[1]
    order = np.lexsort((things.name[held], things.kind[held], -strength))[:most]
    return np.asarray(held[order], dtype=np.int64)


def name_of(things: Things, chosen: Ints) -> str:
    """Name a group from what it shares, so that rows in another order name it the same."""
    names = np.sort(things.name[chosen[:NAMED]]).astype("<u8")
    return "c-" + blake2b(names.tobytes(), digest_size=6).hexdigest()


def of_account(things: Things, shared: Shared, account: int) -> list[dict[str, Any]]:
    """Return the strongest of what an account shares with its group."""
    start, end = things.table.indptr[account : account + 2]
    held = np.isin(shared.things, things.table.indices[start:end])
    return [shared.told[i] for i in np.flatnonzero(held)[:OF_ACCOUNT]]


def _told(things: Things, corpus: Corpus, rows: Ints, chosen: Ints) -> list[dict[str, Any]]:
    numbers = np.unique(corpus.prompt[rows])
    columns = sparse.csc_array(things.texts[numbers][:, chosen])
    told: list[dict[str, Any]] = []
    for place, thing in enumerate(chosen.tolist()):
        kind = KINDS[things.kind[thing]]
        if kind == "text":
            holding = columns.indices[columns.indptr[place] : columns.indptr[place + 1]]
            what = _template(corpus.named(numbers[np.sort(holding)[:READ]]))
        elif kind == "moment":
            what = "the same prompt in the same ten minutes"
        else:
            values = corpus.table[kind].take(pa.array(rows)).unique().drop_null().to_pylist()
            match = np.flatnonzero(hash_texts(values) == things.name[thing])
            what = values[match[0]]
        told.append({"kind": kind, "what": shortened(what, LENGTH)})
    return told


def _template(prompts: list[str]) -> str:
    return find_template(prompts).skeleton or prompts[0]
