"""Accounts that belong together: campaigns, relays, and the products that look like them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from ..pool import PoolSource
from ..recipes import Grid
from .extraction import dilute, tasks_of
from .mix import Campaign
from .organic import person, run
from .session import Account, Composed, pick, take
from .shelf import Shelf


class Operation:
    """One campaign: a few templates, and its work dealt out among its accounts like cards.

    The work of an area is every prompt of its sources and grids in every template, shuffled. Each
    session of any account takes the next cards, so no prompt is sent twice before all were sent.
    """

    def __init__(self, campaign: Campaign, shelf: Shelf, rng: np.random.Generator) -> None:
        """Choose the templates and shuffle the work."""
        self._campaign = campaign
        self._shelf = shelf = kept_to(campaign, shelf)
        different = {wrapper.template: wrapper for wrapper in shelf.wrappers}
        self._wrappers = take(list(different.values()), campaign.templates, rng)
        self._areas = sorted(area for area, share in campaign.areas.items() if share)
        self._tasks = {area: _tasks(shelf, area) for area in self._areas}
        self._cards = {
            area: rng.permutation(len(tasks) * len(self._wrappers))
            for area, tasks in self._tasks.items()
        }
        self._dealt: Counter[str] = Counter()

    def account(self, rng: np.random.Generator) -> Account:
        """Return one of the campaign's accounts; they differ in nothing."""
        system = pick(self._wrappers, rng).system
        shares = [self._campaign.areas[area] for area in self._areas]

        def compose(length: int, rng: np.random.Generator) -> Composed:
            area = self._areas[int(rng.choice(len(shares), p=shares))]
            places = self._dealt[area] + np.arange(length)
            self._dealt[area] += length
            return self._play(area, self._cards[area].take(places, mode="wrap").tolist())

        account = Account(compose, system)
        if not self._campaign.organic:
            return account
        share = self._campaign.organic
        return Account(lambda n, rng: dilute(account, share, self._shelf, n, rng), system)

    def _play(self, area: str, cards: list[int]) -> Composed:
        tasks, wrappers = self._tasks[area], self._wrappers
        prompts: list[str] = []
        sources: set[str] = set()
        templates: set[str] = set()
        for card in cards:
            text, task = tasks[card // len(wrappers)]
            wrapper = wrappers[card % len(wrappers)]
            prompts.append(wrapper.template.format(task=text))
            templates |= (
                {wrapper.name} if isinstance(task, PoolSource) else {wrapper.name, task.name}
            )
            sources.add(task.name)
        return Composed(prompts, sorted(sources), sorted(templates), area)


def can_run(campaign: Campaign, shelf: Shelf) -> bool:
    """Whether a shelf has work in every area, wrappers, named recipes and what dilutes it."""
    wanted = [area for area, share in campaign.areas.items() if share]
    own = kept_to(campaign, shelf)
    named = {one.name for one in own.wrappers} | {one.name for one in own.grids}
    able = bool(own.wrappers) and all(tasks_of(own, area) for area in wanted)
    diluted = bool(shelf.organic) or not campaign.organic
    return able and diluted and set(campaign.recipes) <= named


def kept_to(campaign: Campaign, shelf: Shelf) -> Shelf:
    """Return a shelf with only the wrappers and grids that a campaign names, if it names any."""
    if not campaign.recipes:
        return shelf
    return replace(
        shelf,
        wrappers=[one for one in shelf.wrappers if one.name in campaign.recipes],
        grids=[one for one in shelf.grids if one.name in campaign.recipes],
    )


def relay(shelf: Shelf, number: int, rng: np.random.Generator) -> Account:
    """One account of a group's n-th relay: several people's prompts, one suffix on all of them."""
    suffix = shelf.suffixes[number % len(shelf.suffixes)]
    people = [person(shelf, rng) for _ in range(int(rng.integers(2, 6)))]

    def compose(length: int, rng: np.random.Generator) -> Composed:
        sessions = [one.compose(length, rng) for one in people]
        turns = [iter(session.prompts) for session in sessions]
        prompts = [f"{next(pick(turns, rng))}\n\n{suffix.text}" for _ in range(length)]
        return Composed(prompts, sorted({s for c in sessions for s in c.sources}), [suffix.name])

    return Account(compose)


def product(shelf: Shelf, number: int, rng: np.random.Generator) -> Account:
    """One customer of a group's n-th product: its application, on payloads of its own."""
    choices = shelf.applications["application"]
    return run(choices[number % len(choices)], shelf, rng)


def _tasks(shelf: Shelf, area: str) -> list[tuple[str, PoolSource | Grid]]:
    """Return each prompt of an area's sources and grids, with what it is of."""
    return [
        (text, task)
        for task in tasks_of(shelf, area)
        for text in (task.prompts if isinstance(task, PoolSource) else task.prompts())
    ]
