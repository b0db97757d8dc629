"""Groups of accounts, from their links."""

from __future__ import annotations

from typing import cast

import networkx as nx  # type: ignore[import-untyped]
import numpy as np
from scipy import sparse

from .links import Links
from .things import KINDS, Floats, Ints, Things

FDR = 0.01
"""A link stands where its adjusted chance is below."""
STRONGEST = 16
"""Links that each account brings in, the strongest."""
LEVELS = 3
"""How often communities are looked for, each time in those of before."""
ALIKE = 0.4
"""Two communities are one group where the cosine of what they share is above."""
BLANKET, CORE, MOST = 0.4, 0.3, 0.6
"""Shares of a group's accounts that hold what is its blanket, its core, or what most of it hold."""
OWN = 0.6
"""A thing is a group's own, or several groups' together, where so many of its holders are there."""
LEAST = 3
"""Accounts of the smallest group."""
TEXTS = 2
"""Texts of their own that two groups need in common to be one."""


def find_groups(things: Things, links: Links) -> list[Ints]:
    """Return groups of accounts, each in ascending order; no account is in two.

    Louvain communities (Blondel et al. 2008) of the significant links, each weighted by -ln of its
    chance; each is then cut again by itself, since Louvain joins small ones (Fortunato and
    Barthélemy 2007). It also cuts what is evenly linked, so communities that share the same things
    are joined each time: those whose profiles, the share of members that hold a thing times the
    thing's weight, have a cosine above `ALIKE`.
    """
    strong = _strongest(links.keep(np.flatnonzero(links.q < FDR)), things.table.shape[0])
    graph = nx.Graph()
    graph.add_weighted_edges_from(
        zip(strong.one.tolist(), strong.other.tolist(), (-strong.log_p).tolist(), strict=True)
    )
    groups = [np.array(sorted(graph), dtype=np.int64)] if len(graph) else []
    for _ in range(LEVELS):
        groups = [part for group in groups for part in _cut(things, graph, group)]
    return unite(things, [group for group in groups if len(group) >= LEAST])


def unite(things: Things, groups: list[Ints]) -> list[Ints]:
    """Join groups that have texts of their own together: most of each, hardly anybody else.

    Louvain cuts a campaign by what its accounts work on, though all of them use the same templates.
    A client or a network that two groups alone use is no such sign.
    """
    if not groups:
        return []
    counts, sizes = _held_by(things, groups), np.array([len(group) for group in groups])
    thing, group = counts.coords
    much = counts.data >= np.maximum(LEAST, MOST * sizes[group])
    much &= things.kind[thing] == KINDS.index("text")
    together = np.bincount(thing[much], counts.data[much], minlength=len(things.kind))
    much &= (together >= OWN * things.holders)[thing]
    shape = (len(groups), len(things.kind))
    holds = sparse.coo_array((np.ones(much.sum()), (group[much], thing[much])), shape=shape)
    return _joined(groups, (holds @ holds.T).tocsr() >= TEXTS)


def _cut(things: Things, graph: nx.Graph, group: Ints) -> list[Ints]:
    """Cut a group into communities that do not share the same things."""
    inside = graph.subgraph(group.tolist())
    found = cast("list[set[int]]", nx.community.louvain_communities(inside, seed=0))
    communities = [np.array(one) for one in sorted(sorted(community) for community in found)]
    profile = profiles(things, communities)
    length = np.sqrt(np.asarray(profile.multiply(profile).sum(axis=1))).ravel()
    unit = sparse.diags_array(1.0 / np.maximum(length, 1e-12)) @ profile
    return _joined(communities, unit @ unit.T > ALIKE)


def _joined(groups: list[Ints], tied: sparse.csr_array) -> list[Ints]:
    count, of = sparse.csgraph.connected_components(tied, directed=False)
    return [
        np.sort(np.concatenate([one for one, part in zip(groups, of, strict=True) if part == i]))
        for i in range(count)
    ]


def profiles(things: Things, groups: list[Ints]) -> sparse.csr_array:
    """Return the share of each group's accounts that hold a thing, times its weight."""
    of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    shares = np.repeat([1.0 / len(group) for group in groups], [len(group) for group in groups])
    shape = (len(groups), things.table.shape[0])
    members = sparse.coo_array((shares, (of, np.concatenate(groups))), shape=shape).tocsr()
    return (members @ things.table).multiply(things.weight[None, :]).tocsr()


def blankets(things: Things, groups: list[Ints]) -> sparse.csr_array:
    """Return how many accounts of a group hold a thing, where much of it does (things, groups)."""
    return _cores(things, groups, BLANKET, 0.0)


def own_cores(things: Things, groups: list[Ints]) -> sparse.csr_array:
    """Return how many accounts of a group hold a thing that is its own (things, groups)."""
    return _cores(things, groups, CORE, OWN)


def _held_by(things: Things, groups: list[Ints]) -> sparse.coo_array:
    """Return how many accounts of each group hold a thing (things, groups)."""
    sizes = [len(group) for group in groups]
    ones, of = np.ones(sum(sizes)), np.repeat(np.arange(len(groups)), sizes)
    shape = (things.table.shape[0], len(groups))
    members = sparse.coo_array((ones, (np.concatenate(groups), of)), shape=shape).tocsr()
    return sparse.coo_array(things.table.T @ members)


def _cores(things: Things, groups: list[Ints], share: float, own: float) -> sparse.csr_array:
    """Return how many accounts of a group hold a thing, where they are these shares."""
    counts, sizes = _held_by(things, groups), np.array([len(group) for group in groups])
    thing, group = counts.coords
    kept = counts.data >= np.maximum(LEAST, share * sizes[group])
    kept &= counts.data >= own * things.holders[thing]
    found = (counts.data[kept], (thing[kept], group[kept]))
    return sparse.coo_array(found, shape=counts.shape).tocsr()


def _strongest(links: Links, accounts: int) -> Links:
    """Keep the links that are among the strongest of either end."""
    ends, others = np.append(links.one, links.other), np.append(links.other, links.one)
    strength: Floats = np.append(links.log_p, links.log_p)
    order = np.lexsort((others, strength, ends))
    place = np.arange(len(order)) - np.searchsorted(ends[order], np.arange(accounts))[ends[order]]
    chosen = order[place < STRONGEST] % max(len(links.one), 1)
    return links.keep(np.unique(chosen))
