"""Links between accounts that share more, or rarer, things than chance explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from .things import KINDS, Floats, Ints, Things

NEIGHBOURS = 32
"""Holders of a thing are compared with the next so many, in the one order of all accounts."""
RATES = np.geomspace(0.02, 20, 64)
"""Where the bound of a chance is looked for."""


@dataclass(frozen=True, slots=True)
class Links:
    """Pairs of accounts that share at least one thing.

    Attributes:
        one: the account that comes first (pairs,) int64.
        other: the account that comes later (pairs,) int64.
        overlap: the summed weights of what they share (pairs,) float64.
        log_p: natural logarithm of the chance of at least so much (pairs,) float64.
        q: adjusted for all pairs of accounts there are (pairs,) float64.
    """

    one: Ints
    other: Ints
    overlap: Floats
    log_p: Floats
    q: Floats

    def keep(self, chosen: Ints) -> Links:
        """Return some of the links."""
        return Links(*(getattr(self, name)[chosen] for name in self.__slots__))


def find_links(things: Things) -> Links:
    """Compare accounts that hold the same things, and adjust for all pairs there are.

    The chance is that of the configuration model: each account keeps how many things of each kind
    it holds, each thing how many accounts hold it. Account i then holds thing t at a rate
    d_i p_t / E, and the weighted overlap is at most a sum of independent Poisson counts. Chernoff's
    bound of its tail, exp(d_i d_j Σ_t (p_t / E)² (exp(θ w_t) - 1) - θ overlap), holds for every θ;
    the least over `RATES` is taken. Benjamini and Hochberg (1995) then adjust for all pairs, those
    that share nothing among them.
    """
    accounts = things.table.shape[0]
    one, other, overlap = _pairs(things)
    log_p = chance(things, one, other, overlap)
    return Links(one, other, overlap, log_p, adjusted(log_p, accounts * (accounts - 1) // 2))


def chance(things: Things, one: Ints, other: Ints, overlap: Floats) -> Floats:
    """Bound the chance of overlaps of pairs of accounts; natural logarithms (pairs,)."""
    holders = things.holders
    products, sums = [], []
    for kind in range(len(KINDS)):
        of_kind = things.kind == kind
        if of_kind.any():
            degree = things.degree[:, kind]
            products.append(degree[one] * degree[other])
            rates = (holders[of_kind] / degree.sum()) ** 2
            weight = things.weight[of_kind]
            sums.append([float(rates @ np.expm1(rate * weight)) for rate in RATES])
    least = np.zeros(len(one))
    for place, rate in enumerate(RATES):
        bound = -rate * overlap
        for product, sums_of_kind in zip(products, sums, strict=True):
            bound += product * sums_of_kind[place]
        np.minimum(least, bound, out=least)
    return least


def _pairs(things: Things) -> tuple[Ints, Ints, Floats]:
    """Return pairs of holders that are near each other in the order of accounts, and overlaps.

    Accounts that share many things stand near each other among the holders of each of them, so
    little of a large overlap is missed, and nothing is counted that is not there.
    """
    columns = things.table.tocsc()
    accounts, holders = columns.indices.astype(np.int64), np.diff(columns.indptr)
    size = np.repeat(holders, holders)
    start = np.repeat(columns.indptr[:-1].astype(np.int64), holders)
    place = np.arange(len(accounts)) - start
    weight = np.repeat(things.weight, holders)
    shape = (things.table.shape[0],) * 2
    total = sparse.csr_array(shape)
    for step in range(1, NEIGHBOURS + 1):
        near = np.flatnonzero((size > 2 * step) | ((size == 2 * step) & (place < step)))
        ahead = accounts[start[near] + (place[near] + step) % size[near]]
        ends = np.sort(np.stack([accounts[near], ahead]), axis=0)
        total = total + sparse.coo_array((weight[near], (ends[0], ends[1])), shape=shape).tocsr()
    pairs = total.tocoo()
    return pairs.row.astype(np.int64), pairs.col.astype(np.int64), pairs.data


def adjusted(log_p: Floats, tests: int) -> Floats:
    """Adjust the chances of some of so many tests; those of all others are 1."""
    if not len(log_p):
        return log_p
    shares: Floats = stats.false_discovery_control(np.exp(log_p))
    return np.minimum(shares * (tests / len(log_p)), 1.0)
