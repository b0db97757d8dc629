"""The simulator's own texts: applications, payloads, wrappers, grids, system prompts, suffixes."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import numpy as np

from .pool import PoolSource

PAYLOADS = {
    "support": ("banking77", "parcel_claims"),
    "utterance": ("clinc150",),
    "sentence": ("wmt22_sources", "museum_labels"),
    "review": ("product_reviews", "holiday_cottage_reviews"),
    "table_question": (
        "spider_questions",
        "bakery_chain_figures",
        "ferry_data_desk",
        "housing_office_queries",
    ),
    "commit": ("commit_messages",),
    "diff": ("code_review_diffs",),
    "dialogue": ("dialogsum",),
    "turn": ("sgd_assistant", "star_dialogues"),
    "news": ("ag_news",),
}
"""The sources, of the pool and of `payloads`, that fill each kind of payload.

`star_dialogues` is organic, but to a human wizard: it stands for the users of a support chat.
"""

INVENTED = 400
"""Texts of each payload of `payloads`."""

TEMPLATES = "promptset_templates"
"""The pool source of templates that developers wrote, each with its slots in braces."""

PLAIN_TEXT = ["support", "utterance", "sentence", "review", "dialogue", "turn", "news"]
"""Payloads that fit any template: what people write, not code and not questions of a bank."""

PAYLOAD_SOURCES = {name for names in PAYLOADS.values() for name in names} | {TEMPLATES}

SLOT = re.compile(r"(?<!\{)\{([A-Za-z_]\w*)\}(?!\})")

APPLICATION_KINDS = {"support_chat": "application_chat", "grade": "application_grading"}
APPLICATION_KINDS["reason"] = APPLICATION_KINDS["grade"]
"""The kind of session that an application of this task gives; `application` for all others."""


@dataclass(frozen=True, slots=True)
class Application:
    """A production application: one template that it fills with payloads."""

    name: str
    task: str
    payloads: list[str]
    template: str
    system: str | None = None

    @property
    def kind(self) -> str:
        """The kind of session that it gives."""
        return APPLICATION_KINDS.get(self.task, "application")


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What an extractor puts around a task."""

    name: str
    style: str
    language: str
    template: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """A template and the values of its slots, every combination a prompt."""

    name: str
    area: str
    template: str
    slots: dict[str, list[str]]

    def prompts(self) -> list[str]:
        """Return every combination, the last slot running fastest."""
        return [
            self.template.format(**dict(zip(self.slots, values, strict=True)))
            for values in product(*self.slots.values())
        ]


@dataclass(frozen=True, slots=True)
class Payload:
    """What an application is sent, as texts with slots."""

    name: str
    texts: list[str]
    slots: dict[str, list[str]]

    def source(self) -> PoolSource:
        """Return `INVENTED` texts, always the same; the n-th value of a slot is 1/n as likely."""
        rng = np.random.default_rng(0)
        texts = [
            [_zipf(self.texts, rng).format(**{s: _zipf(v, rng) for s, v in self.slots.items()})]
            for _ in range(INVENTED)
        ]
        return PoolSource(self.name, "payload", True, None, texts, list(range(INVENTED)))


@dataclass(frozen=True, slots=True)
class Suffix:
    """What a relay's operator adds to the end of each prompt that it passes on."""

    name: str
    text: str


@cache
def applications() -> tuple[Application, ...]:
    """Load the application templates."""
    return tuple(Application(**entry) for entry in _load("applications", "application"))


@cache
def wrappers() -> tuple[Wrapper, ...]:
    """Load the wrappers."""
    return tuple(Wrapper(**entry) for entry in _load("wrappers", "wrapper"))


@cache
def grids() -> tuple[Grid, ...]:
    """Load the grids."""
    return tuple(Grid(**entry) for entry in _load("grids", "grid"))


@cache
def payloads() -> tuple[Payload, ...]:
    """Load the payloads that are sent beside the pool's."""
    return tuple(Payload(**entry) for entry in _load("payloads", "payload"))


@cache
def systems() -> tuple[str, ...]:
    """Load system prompts that any deployment may carry."""
    return tuple(entry["text"].strip() for entry in _load("systems", "system"))


@cache
def suffixes() -> tuple[Suffix, ...]:
    """Load what a relay adds to the prompts that it passes on."""
    return tuple(Suffix(**entry) for entry in _load("suffixes", "suffix"))


def found_application(name: str, text: str) -> Application | None:
    """Make an application of a developer's template, if it has one slot and words beside it."""
    slots = set(SLOT.findall(text))
    if len(slots) != 1 or not 60 <= len(text) <= 2000:
        return None
    template = text.replace("{", "{{").replace("}", "}}")
    template = template.replace(f"{{{{{slots.pop()}}}}}", "{payload}")
    return Application(name, "found", PLAIN_TEXT, template)


def _zipf(values: list[str], rng: np.random.Generator) -> str:
    chance = 1 / np.arange(1, len(values) + 1)
    return values[int(rng.choice(len(values), p=chance / chance.sum()))]


def _load(name: str, key: str) -> list[dict[str, Any]]:
    text = files(__package__).joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)[key]
    return entries
