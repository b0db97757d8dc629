"""Which group an account is of, by what each group as a whole holds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .groups import FDR, LEAST, blankets, own_cores, unite
from .links import RATES, Links, adjusted
from .things import Floats, Ints, Things

ROUNDS = 2
"""How often accounts are settled by what is a group's own."""
CHANCE = 0.05
"""A member stays where chance would give it as much of its group's core less often."""


@dataclass(frozen=True, slots=True)
class Fits:
    """Accounts that hold something of a group's core, by account and then by group.

    Attributes:
        account: (fits,) int64.
        group: (fits,) int64.
        log_p: natural logarithm of the chance of so much (fits,) float64.
        q: adjusted for all accounts and groups (fits,) float64.
    """

    account: Ints
    group: Ints
    log_p: Floats
    q: Floats


def settle(things: Things, links: Links, groups: list[Ints], among: Ints) -> list[Ints]:
    """Give accounts to the group whose core they hold furthest beyond chance.

    Communities also join accounts by what only some of them hold, such as the ordinary prompts that
    a campaign is diluted with. So first the core is what is a
    group's blanket, and then, in `ROUNDS`, what is its own. Members that do not hold the core are
    left out; those of them that links tie to each other are a group of their own. A group without a
    core stays as it is.

    Args:
        things: what accounts hold.
        links: of the accounts.
        groups: accounts of each group.
        among: accounts that may be in one (among,).
    """
    strong = links.keep(np.flatnonzero(links.q < FDR))
    for core_of in (blankets, *[own_cores] * ROUNDS):
        groups = groups and _settled(things, strong, groups, core_of(things, groups), among)
        groups = unite(things, groups)
    return groups


def claim(things: Things, groups: list[Ints], first: NDArray[np.bool_], among: Ints) -> list[Ints]:
    """Give accounts to the groups that come first, where they hold what is those groups' own.

    An account that mixes ordinary prompts into a campaign's may share more with others that send
    these; that it holds the campaign's own as well is no chance.

    Args:
        things: what accounts hold.
        groups: accounts of each group.
        first: which groups come first (groups,).
        among: accounts that may move (among,).
    """
    chosen = np.flatnonzero(first)
    if not len(chosen):
        return groups
    fits = fit(things, own_cores(things, [groups[i] for i in chosen]), among)
    best = _best(fits, things.table.shape[0])
    taken = np.where(best >= 0, chosen[best], -1)
    moved = [np.flatnonzero(taken == i) for i in range(len(groups))]
    stay = [
        np.setdiff1d(group, np.flatnonzero((taken >= 0) & (taken != i)))
        for i, group in enumerate(groups)
    ]
    return [np.union1d(one, more) for one, more in zip(stay, moved, strict=True)]


def certainties(things: Things, links: Links, groups: list[Ints], among: Ints) -> list[Floats]:
    """Return for each account of each group how much of its evidence points into the group.

    Evidence is -ln p of what it holds of the groups' own cores, where it is significant or its own
    group's; the share that points to its group is taken, less the chance that this is false. In a
    group that has no core, evidence are the links (1 for an account that is tied to no other).
    """
    if not groups:
        return []
    core = own_cores(things, groups)
    fits = fit(things, core, among)
    own = _owner(groups, things.table.shape[0])
    mine = own[fits.account] == fits.group
    counted = np.where(mine | (fits.q < FDR), -fits.log_p, 0.0)
    total = np.bincount(fits.account, counted, minlength=len(own))
    sure = np.zeros(len(own))
    sure[fits.account[mine]] = (counted * (1.0 - fits.q) / np.maximum(total[fits.account], 1e-12))[
        mine
    ]
    has = np.diff(core.tocsc().indptr) > 0
    linked = _by_links(links, groups, len(own))
    return [sure[group] if has[i] else linked[i] for i, group in enumerate(groups)]


def fit(things: Things, core: sparse.csr_array, among: Ints) -> Fits:
    """Bound the chance of what accounts hold of each core.

    An account that holds d_i things would hold those of a core at the rates d_i o_t / E, with the
    bound of `find_links`; o_t are the holders outside the group, at least one, since those inside
    are explained by the group. It is adjusted for all these accounts and groups (Benjamini and
    Hochberg 1995).

    Args:
        things: what accounts hold.
        core: how many accounts of a group hold a thing of its core (things, groups).
        among: accounts to compare (among,).
    """
    thing, of = (np.asarray(one, dtype=np.int64) for one in core.tocoo().coords)
    outside = np.maximum(things.holders[thing] - core.data, 1.0)
    rates = outside / things.degree.sum(axis=0)[things.kind[thing]]
    weight = things.weight[thing]
    weighed = sparse.csr_array((weight, (thing, of)), shape=core.shape)
    overlap = sparse.coo_array(things.table[among] @ weighed)
    row, group = (np.asarray(one, dtype=np.int64) for one in overlap.coords)
    order = np.lexsort((group, row))
    row, group, data = row[order], group[order], overlap.data[order]
    degree = things.degree[among]
    shape = (degree.shape[1], core.shape[1])
    log_p = np.zeros(len(data))
    for rate in RATES:
        grown = np.zeros(shape)
        np.add.at(grown, (things.kind[thing], of), rates * np.expm1(rate * weight))
        parts = (degree[row, kind] * grown[kind, group] for kind in range(degree.shape[1]))
        np.minimum(log_p, reduce(np.add, parts) - rate * data, out=log_p)
    tests = max(len(among) * core.shape[1], 1)
    return Fits(among[row], group, log_p, adjusted(log_p, tests))


def _settled(
    things: Things, strong: Links, groups: list[Ints], core: sparse.csr_array, among: Ints
) -> list[Ints]:
    accounts = things.table.shape[0]
    fits, own = fit(things, core, among), _owner(groups, accounts)
    best, has = _best(fits, accounts), np.diff(core.tocsc().indptr) > 0
    lost = (best < 0) & (own >= 0) & has[own]
    lost[fits.account[(fits.group == own[fits.account]) & (fits.log_p < np.log(CHANCE))]] = False
    of = np.where(best >= 0, best, np.where(lost, -1, own))
    found = [np.flatnonzero(of == number) for number in range(len(groups))]
    inside = lost[strong.one] & lost[strong.other] & (own[strong.one] == own[strong.other])
    tied = sparse.coo_array(
        (np.ones(inside.sum()), (strong.one[inside], strong.other[inside])),
        shape=(accounts, accounts),
    )
    part = sparse.csgraph.connected_components(tied, directed=False)[1]
    left = np.flatnonzero(lost)
    found += [left[part[left] == one] for one in np.unique(part[left])]
    return [group for group in found if len(group) >= LEAST]


def _best(fits: Fits, accounts: int) -> Ints:
    """Return the group that each account fits best, -1 where it fits none (accounts,)."""
    some = np.flatnonzero(fits.q < FDR)
    order = some[np.lexsort((fits.group[some], fits.log_p[some], fits.account[some]))]
    account, place = np.unique(fits.account[order], return_index=True)
    best = np.full(accounts, -1)
    best[account] = fits.group[order][place]
    return best


def _owner(groups: list[Ints], accounts: int) -> Ints:
    own = np.full(accounts, -1)
    for number, group in enumerate(groups):
        own[group] = number
    return own


def _by_links(links: Links, groups: list[Ints], accounts: int) -> list[Floats]:
    """Share the evidence of links out, less the chance that an account's best link is false."""
    strong = links.keep(np.flatnonzero(links.q < FDR))
    shape = (accounts, accounts)
    half = sparse.coo_array((-strong.log_p, (strong.one, strong.other)), shape=shape).tocsr()
    evidence = half + half.T
    total = np.asarray(evidence.sum(axis=1)).ravel()
    doubt = np.ones(accounts)
    np.minimum.at(doubt, strong.one, strong.q)
    np.minimum.at(doubt, strong.other, strong.q)
    found = []
    for group in groups:
        own = np.zeros(accounts)
        own[group] = 1.0
        inside = (evidence @ own)[group]
        found.append(inside / np.maximum(total[group], 1e-12) * (1.0 - doubt[group]))
    return found
