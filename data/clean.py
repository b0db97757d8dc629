"""What the pool's sources add to their prompts, taken off before sessions are composed.

A source is one file, written by one script: its trailing spaces, its quotes and the line that its
maker put before every prompt would tell a classifier where a prompt is from, not what it asks.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

KEPT_SCAFFOLDS = frozenset({"rubric_grading"})
"""Areas whose sources' frame is the task itself: without it nothing asks for a grade."""

SCAFFOLD = 0.8
"""The share of a source's prompts that a first or last sentence must stand in to be its own."""

PLAIN = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " ", "…": "..."})
SPACED_MARK = re.compile(r"(?<=\S) +([,.;:?!])(?=\s|$)")
SPACES = re.compile(r"(?<=\S)[ \t]{2,}(?=\S)")
TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
BLANKS = re.compile(r"\n{3,}")
BREAK = re.compile(r"(?<=[.!?:])\s+|\n\s*")
WORD = re.compile(r"\w+")
LONGEST = 300
"""Most characters of a sentence that is looked at as a source's own."""


def clean(text: str) -> str:
    """Bring one prompt's marks into one form, for every source alike.

    >>> clean("Is  it “so” ?  ")
    'Is it "so"?'
    """
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").translate(PLAIN)
    text = SPACED_MARK.sub(r"\1", text)
    text = BLANKS.sub("\n\n", TRAILING.sub("", SPACES.sub(" ", text)))
    return text.strip()


def tidy(texts: Sequence[str], area: str | None) -> list[str]:
    """Clean the prompts of one source, and take its frame off unless the area keeps it."""
    cleaned = [clean(text) for text in texts]
    return cleaned if area in KEPT_SCAFFOLDS else without_scaffold(cleaned)


def without_scaffold(texts: Sequence[str]) -> list[str]:
    """Take off the first and last sentence or line that most prompts of one source share.

    >>> without_scaffold([f"Look at it. Is {n} there? Be brief." for n in ("a", "b", "c")])
    ['Is a there?', 'Is b there?', 'Is c there?']
    """
    texts = list(texts)
    for edge in (_first, _last):
        while own := _shared([edge(text) for text in texts]):
            cut = slice(len(own), None) if edge is _first else slice(None, -len(own))
            texts = [text[cut] if edge(text) == own else text for text in texts]
    return [text.strip() for text in texts]


def _first(text: str) -> str:
    found = BREAK.search(text, 0, LONGEST)
    return text[: found.end()] if found and found.end() < len(text) else ""


def _last(text: str) -> str:
    start = max(0, len(text) - LONGEST)
    breaks = [found for found in BREAK.finditer(text, start) if found.end() < len(text)]
    return text[breaks[-1].start() :] if breaks else ""


def _shared(edges: Sequence[str]) -> str:
    """Return the edge of plain words that `SCAFFOLD` of several prompts share, else nothing."""
    edge, count = Counter(edges).most_common(1)[0]
    words = WORD.findall(edge)
    plain = bool(words) and all(word.isalpha() for word in words)
    return edge if plain and len(edges) > 2 and count >= SCAFFOLD * len(edges) else ""
