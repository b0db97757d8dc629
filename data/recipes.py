"""The simulator's own texts: application templates, wrappers and grids."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

PAYLOADS = {
    "support": "banking77",
    "utterance": "clinc150",
    "sentence": "wmt22_sources",
    "review": "product_reviews",
    "table_question": "spider_questions",
    "commit": "commit_messages",
    "diff": "code_review_diffs",
    "dialogue": "dialogsum",
    "turn": "sgd_assistant",
    "news": "ag_news",
}
"""The pool source that fills each kind of payload."""


@dataclass(frozen=True, slots=True)
class Application:
    """A production application: one template that it fills with payloads."""

    name: str
    task: str
    payloads: list[str]
    template: str
    system: str | None = None


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


def _load(name: str, key: str) -> list[dict[str, Any]]:
    text = files(__package__).joinpath("recipes", f"{name}.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)[key]
    return entries
