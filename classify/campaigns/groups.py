"""Groups of accounts, from their links."""

from __future__ import annotations

from typing import cast

import networkx as nx  # type: ignore[import-untyped]
import numpy as np
from scipy import sparse

from .links import Links
from .things import Floats, Ints, Things

FDR = 0.01
"""A link stands where its adjusted chance is below."""
STRONGEST = 16
"""Links that each account brings in, the strongest."""
LEVELS = 3
"""How often communities are looked for, each time in those of before."""
ALIKE = 0.3
"""Two communities are one group where the cosine of what they share is above."""
BLANKET, CORE = 0.4, 0.1
"""What these shares of a group's accounts, and at least three of them, hold: all, some of it."""
OWN = 0.7
"""A thing of a core is a group's own where this share of all its holders are in the group."""
LEAST = 3
"""Accounts of the smallest group."""


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
    return [group for group in groups if len(group) >= LEAST]


def _cut(things: Things, graph: nx.Graph, group: Ints) -> list[Ints]:
    """Cut a group into communities that do not share the same things."""
    inside = graph.subgraph(group.tolist())
    found = cast("list[set[int]]", nx.community.louvain_communities(inside, seed=0))
    communities = [np.array(one) for one in sorted(sorted(community) for community in found)]
    profile = profiles(things, communities)
    length = np.sqrt(np.asarray(profile.multiply(profile).sum(axis=1))).ravel()
    unit = sparse.diags_array(1.0 / np.maximum(length, 1e-12)) @ profile
    count, of = sparse.csgraph.connected_components(unit @ unit.T > ALIKE, directed=False)
    return [
        np.sort(np.concatenate([c for c, g in zip(communities, of, strict=True) if g == number]))
        for number in range(count)
    ]


def profiles(things: Things, groups: list[Ints]) -> sparse.csr_array:
    """Return the share of each group's accounts that hold a thing, times its weight."""
    of = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    shares = np.repeat([1.0 / len(group) for group in groups], [len(group) for group in groups])
    shape = (len(groups), things.table.shape[0])
    members = sparse.coo_array((shares, (of, np.concatenate(groups))), shape=shape).tocsr()
    return (members @ things.table).multiply(things.weight[None, :]).tocsr()


def blankets(things: Things, groups: list[Ints]) -> sparse.csr_array:
    """Return 1 where much of a group holds a thing (things, groups)."""
    return _cores(things, groups, BLANKET, 0.0)


def own_cores(things: Things, groups: list[Ints]) -> sparse.csr_array:
    """Return 1 where some of a group, and hardly anybody else, holds a thing (things, groups)."""
    return _cores(things, groups, CORE, OWN)


def _cores(things: Things, groups: list[Ints], share: float, own: float) -> sparse.csr_array:
    sizes = np.array([len(group) for group in groups])
    ones, of = np.ones(sizes.sum()), np.repeat(np.arange(len(groups)), sizes)
    shape = (things.table.shape[0], len(groups))
    members = sparse.coo_array((ones, (np.concatenate(groups), of)), shape=shape).tocsr()
    counts = sparse.coo_array(things.table.T @ members)
    thing, group = counts.coords
    kept = counts.data >= np.maximum(3, share * sizes[group])
    kept &= counts.data >= own * things.holders[thing]
    coords = (thing[kept], group[kept])
    return sparse.coo_array((np.ones(kept.sum()), coords), shape=counts.shape).tocsr()


def _strongest(links: Links, accounts: int) -> Links:
    """Keep the links that are among the strongest of either end."""
    ends, others = np.append(links.one, links.other), np.append(links.other, links.one)
    strength: Floats = np.append(links.log_p, links.log_p)
    order = np.lexsort((others, strength, ends))
    place = np.arange(len(order)) - np.searchsorted(ends[order], np.arange(accounts))[ends[order]]
    chosen = order[place < STRONGEST] % max(len(links.one), 1)
    return links.keep(np.unique(chosen))
