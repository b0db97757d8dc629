"""Organic accounts: people, and the production applications that look most like extraction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..pool import PoolSource
from ..recipes import Application
from .session import Account, Composed, pick, stretch, take
from .shelf import Shelf

FOUND = 0.5
"""How often an application is a developer's template from the pool, where the group has any."""

BATCHED = 0.2
"""How many applications send several payloads in one prompt: the long ones."""

Compose = Callable[[Shelf, np.random.Generator], Account]


def person(shelf: Shelf, rng: np.random.Generator) -> Account:
    """One person: real sessions in their own order, of one owner or near in what they are about."""
    source = pick(shelf.people, rng)
    middle = int(rng.integers(len(source.sessions)))
    own = [i for i, owner in enumerate(source.owners) if owner == source.owners[middle]]

    def compose(length: int, rng: np.random.Generator) -> Composed:
        if len(own) > 1:
            order = [own[i] for i in rng.permutation(len(own))]
        else:
            order = shelf.near_sessions[source.name].around(middle, length, rng).tolist()
        prompts = [prompt for session in order for prompt in source.sessions[session]]
        while len(prompts) < length:
            prompts += pick(source.sessions, rng)
        return Composed(prompts[:length], [source.name])

    return Account(compose)


def coherent_prompts(shelf: Shelf, rng: np.random.Generator) -> Account:
    """One person whose sessions are not known: single prompts near in what they are about."""
    middle = int(rng.integers(len(shelf.near_prompts.texts)))

    def compose(length: int, rng: np.random.Generator) -> Composed:
        near = shelf.near_prompts.around(middle, length, rng)
        prompts = [shelf.near_prompts.texts[i] for i in near]
        return Composed(prompts, sorted({shelf.sources[i] for i in near}))

    return Account(compose)


def shared_account(shelf: Shelf, rng: np.random.Generator) -> Account:
    """Several people: single prompts of every organic source of the group."""

    def compose(length: int, rng: np.random.Generator) -> Composed:
        sources = [pick(shelf.organic, rng) for _ in range(length)]
        return Composed([pick(s.prompts, rng) for s in sources], sorted({s.name for s in sources}))

    return Account(compose)


def occasional(shelf: Shelf, rng: np.random.Generator) -> Account:
    """Any organic account, but with few prompts, far apart (see `SLOW_KINDS`)."""
    return pick([person, coherent_prompts, application], rng)(shelf, rng)


def application(shelf: Shelf, rng: np.random.Generator) -> Account:
    """A production application: one template, many payloads."""
    chosen = pick(shelf.applications["application"], rng)
    own = [a for a in shelf.applications["application"] if a.task != "found"]
    if own and rng.random() >= FOUND:
        chosen = pick(own, rng)
    return run(chosen, shelf, rng)


def application_grading(shelf: Shelf, rng: np.random.Generator) -> Account:
    """A production application that really does grade, or reason step by step."""
    return run(pick(shelf.applications["application_grading"], rng), shelf, rng)


def application_chat(shelf: Shelf, rng: np.random.Generator) -> Account:
    """A support chat: one system prompt, the users' turns."""
    return run(pick(shelf.applications["application_chat"], rng), shelf, rng)


def run(application: Application, shelf: Shelf, rng: np.random.Generator) -> Account:
    """Run an application on payloads of one source, in their order where they have one."""
    source = pick(shelf.filling(application), rng)
    several = int(rng.integers(2, 7)) if rng.random() < BATCHED else 1

    def compose(length: int, rng: np.random.Generator) -> Composed:
        if source.has_sessions:
            payloads = stretch(source.prompts, length, rng)
        else:
            texts = take(source.prompts, length * several, rng)
            payloads = ["\n".join(texts[i::length]) for i in range(length)]
        prompts = [application.template.format(payload=payload) for payload in payloads]
        return Composed(prompts, [source.name], [application.name])

    return Account(compose, application.system)


def sample(shelf: Shelf, count: int, rng: np.random.Generator) -> tuple[list[str], PoolSource]:
    """Return so many prompts of one organic source, as they follow each other there."""
    source = pick(shelf.organic, rng)
    return stretch(source.prompts, count, rng), source
