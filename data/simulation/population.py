"""Who is in simulated traffic: each account's kind, group, sessions, lengths and model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..errors import InputError
from ..split import JOIN
from . import campaigns, extraction, organic
from .mix import EXTRACTION_KINDS, ORGANIC_KINDS, Campaign, Mix
from .session import Account, pick
from .shelf import Shelf, joined

COMPOSERS: dict[str, organic.Compose] = {
    **{kind: getattr(organic, kind) for kind in ORGANIC_KINDS},
    **{kind: getattr(extraction, kind) for kind in EXTRACTION_KINDS},
}

GOLDEN = (5**0.5 - 1) / 2

Make = Callable[[np.random.Generator], Account]
"""Make one of the accounts of a role."""


@dataclass(frozen=True, slots=True)
class Role:
    """What some accounts are.

    Attributes:
        kind: as the traffic's truth calls it.
        label: organic or extraction.
        group: whose shelf they are made of; several joined by `JOIN`.
        campaign: what they belong to together; None for accounts on their own.
        pivot: the share of them that moves to a launched model within a day; None as all others.
        make: composes the sessions of one of them.
    """

    kind: str
    label: str
    group: str
    campaign: str | None
    pivot: float | None
    make: Make


@dataclass(frozen=True, slots=True)
class Member:
    """One account: its role, and how many sessions it has."""

    role: Role
    sessions: int


def populate(
    mix: Mix, shelves: dict[str, Shelf], sessions: int, rng: np.random.Generator
) -> list[Member]:
    """Draw accounts until they hold so many sessions, in random order.

    Raises:
        InputError: the crowds alone hold more sessions, or a kind cannot be composed.
    """
    sizes = Sizes(mix, rng)
    together = _crowds(mix, shelves, rng)
    crowds = [Member(role, sizes.next()) for role, accounts in together for _ in range(accounts)]
    left = sessions - sum(member.sessions for member in crowds)
    if left < 0:
        raise InputError(
            f"{sessions:,} sessions asked for, but the mix's campaigns, relays and products alone "
            f"have {sessions - left:,}",
            "at least as many sessions as they have",
            "Ask for more with --sessions, or give them fewer accounts.",
        )
    everyone = [*crowds, *_singles(mix, shelves, left, rng)]
    return [everyone[i] for i in rng.permutation(len(everyone))]


def _singles(
    mix: Mix, shelves: dict[str, Shelf], sessions: int, rng: np.random.Generator
) -> Iterator[Member]:
    """Yield accounts on their own; the kind that is furthest behind its share comes next."""
    roles = {kind: _roles(kind, shelves) for kind in sorted(mix.shares) if mix.shares[kind]}
    shares = np.array([mix.shares[kind] for kind in roles])
    held = np.zeros(len(roles))
    sizes = [Sizes(mix, rng) for _ in roles]
    while left := int(sessions - held.sum()):
        behind = int(np.argmax(shares * (held.sum() + 1) - held))
        member = Member(pick(list(roles.values())[behind], rng), min(left, sizes[behind].next()))
        held[behind] += member.sessions
        yield member


def _crowds(
    mix: Mix, shelves: dict[str, Shelf], rng: np.random.Generator
) -> Iterator[tuple[Role, int]]:
    """Yield the role of each crowd and how many accounts it has."""
    for campaign in mix.campaign:
        group, shelf = _ground(campaign, shelves, rng)
        operation = campaigns.Operation(campaign, shelf, rng)
        role = Role(
            "campaign", "extraction", group, campaign.name, campaign.pivot, operation.account
        )
        yield role, campaign.accounts
    for position, relay in enumerate(mix.relay):
        able = [group for group, shelf in shelves.items() if shelf.people]
        group, number = _place(able, position, "a relay")
        make = partial(campaigns.relay, shelves[group], number)
        role = Role("relay", "organic", group, relay.name, None, make)
        yield role, relay.accounts
    products = mix.products
    if products is None:
        return
    for position in range(products.count):
        able = [group for group, shelf in shelves.items() if _has("application", shelf)]
        group, number = _place(able, position, "a product")
        make = partial(campaigns.product, shelves[group], number)
        role = Role("application", "organic", group, None, None, make)
        yield role, products.accounts


def _ground(
    campaign: Campaign, shelves: dict[str, Shelf], rng: np.random.Generator
) -> tuple[str, Shelf]:
    """Choose as few groups next to each other as cover a campaign's areas, joined as one."""
    names = [*shelves, *shelves]
    for size in range(1, len(shelves) + 1):
        runs = [names[start : start + size] for start in range(len(shelves))]
        able = [run for run in runs if campaigns.can_run(campaign, joined(run, shelves))]
        if able:
            chosen = able[int(rng.integers(len(able)))]
            return JOIN.join(sorted(chosen)), joined(chosen, shelves)
    raise InputError(
        f"no sources or grids for all of {', '.join((*campaign.areas, *campaign.recipes))}",
        f"areas and recipes of the campaign {campaign.name} that the pool covers",
        "Ask for fewer areas, correct the recipes, or use the whole pool.",
    )


def _place(able: list[str], position: int, crowd: str) -> tuple[str, int]:
    """Spread crowds over the groups that can hold them; the second of a group takes another."""
    if not able:
        raise InputError(
            f"the pool has nothing to compose {crowd} from",
            "organic sessions for a relay, payloads for a product",
            "Take it out of the mix, or use a whole pool.",
        )
    return able[position % len(able)], position // len(able)


def _roles(kind: str, shelves: dict[str, Shelf]) -> list[Role]:
    """Return a kind's role in each group that can compose it."""
    label = "organic" if kind in ORGANIC_KINDS else "extraction"
    roles = [
        Role(kind, label, group, None, None, partial(COMPOSERS[kind], shelf))
        for group, shelf in shelves.items()
        if _has(kind, shelf)
    ]
    if not roles:
        raise InputError(
            f"the pool has nothing to compose {kind} from",
            "sources for every kind that the mix gives a share",
            f"Take {kind} out of the mix's shares, or use a whole pool.",
        )
    return roles


def _has(kind: str, shelf: Shelf) -> bool:
    if kind.startswith("application"):
        return bool(shelf.applications.get(kind))
    needed: dict[str, list[object]] = {
        "person": [shelf.people],
        "occasional": [shelf.people, shelf.applications.get("application")],
        "coherent_prompts": [shelf.organic],
        "shared_account": [shelf.organic],
        "grid": [shelf.grids],
        "diluted": [shelf.organic, shelf.extraction, shelf.grids, shelf.wrappers],
    }
    return all(needed.get(kind, [shelf.extraction, shelf.grids, shelf.wrappers]))


class Sizes:
    """How many sessions each account has, spread evenly over what the mix allows.

    Drawn independently, a few hundred accounts of a kind can have more sessions than those of
    another by chance alone; steps of the golden ratio fill the range evenly from any start.
    """

    def __init__(self, mix: Mix, rng: np.random.Generator) -> None:
        """Start anywhere."""
        self._between = mix.sessions_per_account
        self._place = rng.random()

    def next(self) -> int:
        """Return the next account's number of sessions."""
        self._place = (self._place + GOLDEN) % 1
        return log_uniform(self._between, self._place)


def log_uniform(between: tuple[int, int], place: float) -> int:
    """Return the number at this place, from 0 to 1, of a log-uniform range, ends included."""
    low, high = between
    return int(np.exp(np.log(low) + place * (np.log(high + 1) - np.log(low))))
