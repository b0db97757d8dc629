"""Groups of accounts over batches of traffic: which are of before, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

HALF = 0.5
"""A group may be one of before where it has this share of either's accounts, or of all signs."""


@dataclass(frozen=True, slots=True)
class Known:
    """A group as it is known again: by its accounts and by what they share most."""

    campaign_id: str
    accounts: frozenset[str]
    signs: frozenset[int]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a group.

    Attributes:
        campaign_id: that of the group of before, else its own.
        change: new, same, grown, shrunk, changed, merged or split.
        joined: accounts that it has and had not.
        left: accounts that it had and has not.
        of: the groups of before that it is made of.
    """

    campaign_id: str
    change: str
    joined: int
    left: int
    of: list[str]

    def record(self) -> dict[str, Any]:
        """Return the change as a record shows it."""
        return {"change": self.change, "joined": self.joined, "left": self.left, "of": self.of}


def trace(before: Sequence[Known], after: Sequence[Known]) -> list[Change]:
    """Give groups the ids of those of before that they are, and say what changed.

    Two groups may be one where they have half of the accounts of either in common, or half of all
    their signs. Of all ways to pair groups the one is taken that has the largest sum of likenesses,
    the Jaccard index of accounts and that of signs (Kuhn 1955, by scipy). A group takes an id once;
    an id that another has already gets a number.
    """
    shared = _shared(before, after)
    old = np.array([len(one.accounts) for one in before], np.float64)
    new = np.array([len(one.accounts) for one in after], np.float64)
    inside = shared / np.maximum(old[:, None], 1.0)
    covered = shared / np.maximum(new[None, :], 1.0)
    signs = np.array([[_jaccard(b.signs, a.signs) for a in after] for b in before])
    signs = signs.reshape(shared.shape)
    accounts = shared / np.maximum(old[:, None] + new[None, :] - shared, 1.0)
    may = (inside >= HALF) | (covered >= HALF) | (signs >= HALF)
    likeness = np.where(may, accounts + signs, 0.0)
    pairs = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
    earlier = {int(j): int(i) for i, j in pairs if likeness[i, j] > 0}
    taken = {before[i].campaign_id for i in earlier.values()}
    gone = np.setdiff1d(np.arange(len(before)), list(earlier.values()))
    found = []
    for j, one in enumerate(after):
        merged = [int(i) for i in gone if inside[i, j] >= HALF]
        if (i := earlier.get(j)) is not None:
            joined = len(one.accounts) - int(shared[i, j])
            left = len(before[i].accounts) - int(shared[i, j])
            of = [before[i].campaign_id, *(before[i].campaign_id for i in merged)]
            found.append(Change(of[0], _change(bool(merged), joined, left), joined, left, of))
        else:
            name = _fresh(one.campaign_id, taken)
            taken.add(name)
            of = [before[i].campaign_id for i in np.flatnonzero(covered[:, j] >= HALF).tolist()]
            found.append(Change(name, "split" if of else "new", len(one.accounts), 0, of))
    return found


def _change(merged: bool, joined: int, left: int) -> str:
    if merged:
        return "merged"
    if joined and left:
        return "changed"
    return "grown" if joined else "shrunk" if left else "same"


def _shared(before: Sequence[Known], after: Sequence[Known]) -> NDArray[np.float64]:
    """Count the accounts that groups have in common (before, after); none is in two of a time."""
    counts = np.zeros((len(before), len(after)))
    of = {account: i for i, one in enumerate(before) for account in one.accounts}
    for j, one in enumerate(after):
        known = [of[account] for account in one.accounts if account in of]
        counts[:, j] = np.bincount(known, minlength=len(before))
    return counts


def _jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _fresh(name: str, taken: set[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
