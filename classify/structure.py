"""Measures of how a session's prompts stand to each other on their face: no vector is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..data.templates import Template
from ..index import diversity
from .lengths import LENGTHS, Counts


@dataclass(frozen=True)
class Session:
    """What the measures of one session (or account) read, in time order.

    Attributes:
        surface: the columns of `surface`.
        words: the longer words of each prompt.
        ends: the first and last word of each prompt.
        template: what the prompts have in common.
        repeats: the share of prompts that repeat an earlier one.
    """

    surface: Counts
    words: list[frozenset[str]]
    ends: list[tuple[str, str]]
    template: Template
    repeats: float


Measure = Callable[[Session], float]
STRUCTURE: dict[str, Measure] = {}
"""Every such measure by name."""


def measure(function: Measure) -> Measure:
    """Register a measure under its function's name."""
    STRUCTURE[function.__name__] = function
    return function


@measure
def shared_words(session: Session) -> float:
    """Jaccard overlap of words of neighbours, less that of prompts half a session apart."""
    n = len(session.words)
    if n < 2:
        return 0.0
    near = [_jaccard(session.words[i], session.words[i + 1]) for i in range(n - 1)]
    far = [_jaccard(session.words[i], session.words[(i + n // 2) % n]) for i in range(n)]
    return float(np.mean(near) - np.mean(far))


@measure
def word_overlap(session: Session) -> float:
    """Mean overlap of the words of neighbours, by the shorter of the two (Simpson 1943)."""
    pairs = zip(session.words, session.words[1:], strict=False)
    shares = [len(a & b) / max(1, min(len(a), len(b))) for a, b in pairs]
    return float(np.mean(shares)) if shares else 0.0


@measure
def word_growth(session: Session) -> float:
    """Different words of the session, by the sum of those of its prompts (Heaps 1978)."""
    total = sum(map(len, session.words))
    return len(frozenset().union(*session.words)) / total if total else 1.0


@measure
def openings(session: Session) -> float:
    """Entropy of the prompts' first words, by its maximum: sweeps open alike, people do not."""
    return _variety([opening for opening, _ in session.ends])


@measure
def closings(session: Session) -> float:
    """Entropy of the prompts' last words or marks, by its maximum."""
    return _variety([closing for _, closing in session.ends])


@measure
def layouts(session: Session) -> float:
    """Entropy of the prompts' numbers of lines, by its maximum."""
    return _variety(np.round(np.expm1(session.surface["log_lines"])).tolist())


@measure
def repeats(session: Session) -> float:
    """Share of prompts that repeat an earlier one to the letter."""
    return session.repeats


@measure
def template_share(session: Session) -> float:
    """Share of prompts that hold words common to the session."""
    return session.template.share


@measure
def template_fixed(session: Session) -> float:
    """Share of such words in those prompts."""
    return session.template.fixed


@measure
def template_absent(session: Session) -> float:
    """1 where the session has no common words, else 0."""
    return float(session.template.skeleton is None)


def _of_session(name: str, length: Callable[[Counts], float]) -> None:
    def of_session(session: Session) -> float:
        return length(session.surface)

    of_session.__name__, of_session.__doc__ = name, length.__doc__
    STRUCTURE[name] = of_session


for _name, _length in LENGTHS.items():
    _of_session(_name, _length)


def _variety(values: Sequence[object]) -> float:
    """Entropy of the values (Shannon 1948), by the logarithm of their number."""
    if len(values) < 2:
        return 0.0
    counts = np.array(list(Counter(values).values()))
    return 0.0 + diversity.entropy(counts) / float(np.log(len(values)))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0
