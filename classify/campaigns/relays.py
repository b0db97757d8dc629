"""Relays: one text that many accounts add to prompts that are organic and unrelated otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ...data.templates import shortened
from ..words import count_words
from .corpus import Corpus, spread
from .judge import Judge
from .things import Accounts, Floats, Ints, Things

BLANKET = 0.8
"""An account is under a text that so many of its prompts hold; so must the prompts read."""
LEAST = 5
"""Accounts of the smallest relay, prompts of an account, words of an added text."""
LONGEST = 120
"""Words of an added text that are looked for."""
READ = 64
"""Prompts of a candidate that are read, one of each account first."""
SHOWN = 200
"""Characters of an added text that are told."""
RELATED = 1.25
"""Prompts are related where their mean cosine is so many times that of any two accounts'."""
ALIKE = 0.25
"""Prompts are related where their mean cosine is above, whatever any two accounts' is."""


@dataclass(frozen=True, slots=True)
class Injected:
    """A text that stands at one end of most of some prompts.

    Attributes:
        text: the words, spaces made one.
        at_end: whether it stands at the end, else at the beginning.
        rest: what else those prompts say.
    """

    text: str
    at_end: bool
    rest: list[str]


@dataclass(frozen=True, slots=True)
class Relay:
    """Accounts that add one text to unrelated prompts.

    Attributes:
        accounts: ascending (accounts,) int64.
        thing: the family of the added text.
        injected: the text.
        certainty: share of each account's prompts that hold it (accounts,) float64.
        score: what the model says of the prompts without it.
        related: mean cosine of two accounts' prompts without it.
    """

    accounts: Ints
    thing: int
    injected: Injected
    certainty: Floats
    score: float
    related: float

    def record(self) -> dict[str, Any]:
        """Return what is known of the relay beside its accounts."""
        return {
            "injected": shortened(self.injected.text, SHOWN),
            "at_end": self.injected.at_end,
            "related": round(self.related, 4),
        }


def find_relays(corpus: Corpus, accounts: Accounts, things: Things, judge: Judge) -> list[Relay]:
    """Return the relays of a traffic; experimental: no field data of any was ever published.

    A candidate is a text that at least five accounts have in 80 % of their prompts. It is a relay
    where the text stands at one end, what is left is hardly more alike from account to
    account than prompts of any two accounts are (1.25 times, in its words and in its meaning), nor
    alike at all (a mean cosine above 0.25), and the model takes what is left for organic.
    """
    shares, candidates = _candidates(corpus, accounts, things)
    if not candidates:
        return []
    some = corpus.prompt[spread(accounts.rows, accounts.of, 4 * READ)]
    usual, usual_words = _alike(corpus.vectors(some)), _alike(count_words(corpus.named(some)))
    taken = np.zeros(len(accounts), bool)
    found: list[Relay] = []
    for thing, members in candidates:
        if taken[members].mean() > 0.5:
            continue
        own = accounts.positions(members)
        rows = spread(accounts.rows[own], accounts.of[own], READ)
        injected = find_injected(corpus.named(corpus.prompt[rows]))
        if injected is None:
            continue
        if _alike(count_words(injected.rest)) > RELATED * usual_words:
            continue
        score, vectors = judge.score(injected.rest)
        related = _alike(vectors)
        unrelated = related <= min(RELATED * usual, ALIKE)
        if unrelated and judge.label(score) == "organic":
            certainty = shares[members, :][:, [thing]].toarray().ravel()
            taken[members] = True
            found.append(Relay(members, thing, injected, certainty, round(score, 6), related))
    return found


def find_injected(prompts: Sequence[str]) -> Injected | None:
    """Return the longest run of words that 80 % of prompts begin or end with.

    None where there is none of five words, or where nothing else is left of those prompts.

    >>> asks = ["Why is it so?", "A poem, please.", "Sum these up", "2 + 2?", "Hello there"]
    >>> found = find_injected([f"{ask} Answer in exactly three parts." for ask in asks])
    >>> found.text, found.at_end, found.rest[1]
    ('Answer in exactly three parts.', True, 'A poem, please.')
    """
    words = [prompt.split() for prompt in prompts]
    ends = {at_end: _common(words, at_end) for at_end in (True, False)}
    at_end = len(ends[True]) >= len(ends[False])
    text, size = ends[at_end], len(ends[at_end])
    cut = [(row[-size:], row[:-size]) if at_end else (row[:size], row[size:]) for row in words]
    rest = [" ".join(left) for end, left in cut if end == text and left]
    if size < LEAST or len(rest) < BLANKET * len(prompts):
        return None
    return Injected(" ".join(text), at_end, rest)


def _common(words: list[list[str]], at_end: bool) -> list[str]:
    best: list[str] = []
    for size in range(1, LONGEST + 1):
        runs = Counter(
            tuple(row[-size:] if at_end else row[:size]) for row in words if len(row) >= size
        )
        run, count = min(runs.items(), key=lambda item: (-item[1], item[0]), default=((), 0))
        if count < BLANKET * len(words):
            break
        best = list(run)
    return best


def _candidates(
    corpus: Corpus, accounts: Accounts, things: Things
) -> tuple[sparse.csr_array, list[tuple[int, Ints]]]:
    """Return shares of prompts by account and text, and who is under which, most accounts first."""
    size = np.bincount(accounts.of, minlength=len(accounts))
    shape = (len(accounts), len(corpus.texts))
    ones = np.ones(len(accounts.of))
    sent = sparse.coo_array((ones, (accounts.of, corpus.prompt[accounts.rows])), shape=shape)
    shares = sparse.diags_array(1.0 / np.maximum(size, 1)) @ (sent.tocsr() @ things.texts)
    often = sparse.diags_array((size >= LEAST).astype(np.float64)) @ shares
    under = sparse.csc_array(often >= BLANKET)
    under.sort_indices()
    members = {
        int(thing): under.indices[under.indptr[thing] : under.indptr[thing + 1]].astype(np.int64)
        for thing in np.flatnonzero(np.diff(under.indptr) >= LEAST)
    }
    ranked = sorted(members.items(), key=lambda item: (-len(item[1]), int(things.name[item[0]])))
    return sparse.csr_array(shares), ranked


def _alike(vectors: NDArray[np.float32] | sparse.csr_matrix) -> float:
    """Return the mean cosine of two different rows of unit vectors (n, dimension)."""
    count = vectors.shape[0]
    total = float((np.asarray(vectors.sum(axis=0)) ** 2).sum())
    return float((total - count) / max(count * (count - 1), 1))
