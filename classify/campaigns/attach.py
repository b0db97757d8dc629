"""Accounts that share with a group as a whole what they share too little of with one member."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .groups import FDR, cores
from .links import RATES, adjusted
from .things import Floats, Ints, Things


@dataclass(frozen=True, slots=True)
class Attached:
    """Accounts that are added to a group.

    Attributes:
        accounts: ascending (added,) int64.
        certainty: (added,) float64.
    """

    accounts: Ints
    certainty: Floats


def attach(things: Things, groups: list[Ints], among: Ints) -> list[Attached]:
    """Move accounts to the group whose core they hold furthest beyond chance, if there is one.

    An account that holds d_i things holds those of a core at the rates d_i p_t / E of `find_links`,
    and the same bound gives the chance of its overlap with the core. It is adjusted for all these
    accounts and groups (Benjamini and Hochberg 1995). The certainty is the share of -ln p that
    points to the group, less the chance that the link is false.

    Args:
        things: what accounts hold.
        groups: accounts of each group.
        among: accounts that may move, those in groups and those in none (among,).

    Returns:
        The accounts that each group gains; those that stay are in none of it.
    """
    core = cores(things, groups)
    held = things.table[among]
    weighted = core.multiply(things.weight[:, None]).tocsr()
    overlap = (held @ weighted).toarray()
    log_p = np.zeros_like(overlap)
    rates = things.holders / things.degree.sum(axis=0)[things.kind]
    for rate in RATES:
        grown = core.multiply((rates * np.expm1(rate * things.weight))[:, None]).tocsr()
        bound = -rate * overlap
        for kind, degree in enumerate(things.degree[among].T):
            of_kind = (things.kind == kind).astype(np.float64)
            bound += degree[:, None] * (of_kind @ grown)[None, :]
        np.minimum(log_p, bound, out=log_p)
    q = adjusted(log_p.ravel(), log_p.size).reshape(log_p.shape)
    evidence = np.where(q < FDR, -log_p, 0.0)
    best = evidence.argmax(axis=1)
    some = np.arange(len(among))
    sure = evidence[some, best] / np.maximum(evidence.sum(axis=1), 1e-12) * (1.0 - q[some, best])
    own = np.full(things.table.shape[0], -1)
    own[np.concatenate(groups)] = np.repeat(np.arange(len(groups)), [len(one) for one in groups])
    moves = evidence.any(axis=1) & (best != own[among])
    gained = [np.flatnonzero(moves & (best == group)) for group in range(len(groups))]
    return [Attached(among[one], sure[one]) for one in gained]
