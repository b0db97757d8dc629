"""The capability areas, as data: what each is and prompts that exemplify its cells."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

GENERAL = "general"


@dataclass(frozen=True, slots=True)
class Area:
    """One capability area.

    Attributes:
        name: as it stands in every output.
        about: one sentence for people.
        cells: the area's finer parts, each a few exemplar prompts by the name of the cell.
    """

    name: str
    about: str
    cells: dict[str, list[str]]


@cache
def load_areas() -> tuple[Area, ...]:
    """Load the shipped areas, `general` last.

    >>> [area.name for area in load_areas()][-1]
    'general'
    """
    text = files(__package__).joinpath("areas.toml").read_text(encoding="utf-8")
    return tuple(
        Area(name, about["about"], about["cells"]) for name, about in tomllib.loads(text).items()
    )
