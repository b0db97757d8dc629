"""What the sessions of one group may be made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..errors import InputError
from ..pool import PoolSource
from ..recipes import (
    PAYLOADS,
    TEMPLATES,
    Application,
    Grid,
    Suffix,
    Wrapper,
    applications,
    found_application,
    grids,
    payloads,
    suffixes,
    systems,
    wrappers,
)
from ..split import FOLDS, HELD_OUT, assign_groups, group_of
from .near import Neighbourhood


@dataclass
class Shelf:
    """One group's sources and recipes."""

    organic: list[PoolSource] = field(default_factory=list)
    extraction: list[PoolSource] = field(default_factory=list)
    payloads: dict[str, list[PoolSource]] = field(default_factory=dict)
    applications: dict[str, list[Application]] = field(default_factory=dict)
    wrappers: list[Wrapper] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    systems: list[str] = field(default_factory=list)
    suffixes: list[Suffix] = field(default_factory=list)

    @property
    def people(self) -> list[PoolSource]:
        """Organic sources with sessions of several prompts."""
        return [source for source in self.organic if source.has_sessions]

    @cached_property
    def near_prompts(self) -> Neighbourhood:
        """All organic prompts, by what they are about; `sources` names each one's source."""
        return Neighbourhood([prompt for source in self.organic for prompt in source.prompts])

    @cached_property
    def sources(self) -> list[str]:
        """The source of each of `near_prompts`."""
        return [source.name for source in self.organic for _ in source.prompts]

    @cached_property
    def near_sessions(self) -> dict[str, Neighbourhood]:
        """The sessions of each of `people`, by what they are about."""
        return {
            s.name: Neighbourhood([" ".join(turns) for turns in s.sessions]) for s in self.people
        }

    def rivals(self, application: Application) -> tuple[int, int]:
        """How many applications of its payloads there are, and how many in all."""
        own = [a for kind in self.applications.values() for a in kind if a.task != "found"]
        return sum(a.payloads == application.payloads for a in own), len(own)

    def filling(self, application: Application) -> list[PoolSource]:
        """The sources that can fill an application."""
        kinds = (self.payloads.get(kind, []) for kind in application.payloads)
        return [source for sources in kinds for source in sources]


def stock(sources: Sequence[PoolSource], *, held_out: bool) -> dict[str, Shelf]:
    """Put sources and recipes on the shelves of their groups.

    An application goes where a source of its payloads is, to the group with the fewest like it.

    Args:
        sources: the pool.
        held_out: fill the shelf of what may not train, else those of the folds.

    Raises:
        InputError: the pool lacks a kind of source.
    """
    shelves = {group: Shelf() for group in (*FOLDS, HELD_OUT)}
    every = [*sources, *(payload.source() for payload in payloads())]
    groups = assign_groups(every)
    for source in every:
        _place(source, shelves[groups[source.name]])
    for application in applications():
        able = [shelf for shelf in shelves.values() if shelf.filling(application)]
        if able:
            least = min(able, key=lambda shelf: shelf.rivals(application))
            least.applications.setdefault(application.kind, []).append(application)
    for name, recipes in {
        "wrappers": wrappers(),
        "grids": grids(),
        "systems": systems(),
        "suffixes": suffixes(),
    }.items():
        for position, recipe in enumerate(recipes):
            getattr(shelves[group_of(position)], name).append(recipe)
    wanted = (HELD_OUT,) if held_out else FOLDS
    chosen = {group: shelves[group] for group in wanted}
    for kind in ("organic", "payload", "extraction"):
        if not any(s.kind == kind and groups[s.name] in wanted for s in sources):
            raise InputError(
                f"the pool has no {kind} source for {', '.join(wanted)}",
                "organic, payload and extraction sources"
                + (" that may not train" if held_out else " with may_train in the catalog"),
                "Use a whole pool, or a mix that leaves fewer sources out.",
            )
    return chosen


def joined(groups: Sequence[str], shelves: dict[str, Shelf]) -> Shelf:
    """Return one shelf with what extraction needs of several groups, all else of the first."""
    every = [shelves[group] for group in groups]
    return replace(
        every[0],
        organic=[source for shelf in every for source in shelf.organic],
        extraction=[source for shelf in every for source in shelf.extraction],
        wrappers=[wrapper for shelf in every for wrapper in shelf.wrappers],
        grids=[grid for shelf in every for grid in shelf.grids],
    )


def _place(source: PoolSource, shelf: Shelf) -> None:
    if payload := [kind for kind, names in PAYLOADS.items() if source.name in names]:
        shelf.payloads.setdefault(payload[0], []).append(source)
    elif source.name == TEMPLATES:
        named = (found_application(f"found-{i}", text) for i, text in enumerate(source.prompts))
        shelf.applications["application"] = [found for found in named if found]
    elif source.kind != "payload":
        (shelf.organic if source.kind == "organic" else shelf.extraction).append(source)
