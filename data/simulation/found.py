"""Templates that developers wrote, dealt to groups: those that share text stay together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from scipy.sparse.csgraph import connected_components

from ..pool import PoolSource
from ..recipes import Application, found_application

RUN = 8
"""Templates that share so many words in a row are of one family."""

WORDS = re.compile(r"\w+")


def find_families(source: PoolSource) -> list[list[Application]]:
    """Return the applications that a source of templates gives, family by family.

    Developers copy each other's templates; a split has each family on one side.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    named = (found_application(f"found-{i}", text) for i, text in enumerate(source.prompts))
    found = [application for application in named if application]
    if not found:
        return []
    held = CountVectorizer(analyzer=_runs).fit_transform([each.template for each in found])
    count, family = connected_components(held @ held.T, directed=False)
    families: list[list[Application]] = [[] for _ in range(count)]
    for application, number in zip(found, family, strict=True):
        families[number].append(application)
    return families


def deal(families: Sequence[list[Application]], hands: Sequence[list[Application]]) -> None:
    """Give each family to the hand with the fewest applications."""
    for family in families:
        min(hands, key=len).extend(family)


def _runs(template: str) -> list[str]:
    """Return every run of `RUN` words, and the whole, so that a short one has something."""
    words = WORDS.findall(template.lower())
    runs = [" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1)]
    return [template, *runs]
