"""The templates of a group: only words that many of its prompts and accounts have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from ...data.templates import find_template
from ..campaigns.corpus import Corpus, spread
from ..campaigns.fingerprints import fingerprint, hash_texts
from ..campaigns.things import Accounts, Ints
from .fits import FEWEST, fit_by_words, runs_of
from .profile import LONGEST, MOST_SKELETONS

PROMPTS, ACCOUNTS = 20, 5
"""Different prompts that fit a skeleton, and accounts that used each run of its words, at least."""
OF_PROMPTS, OF_ACCOUNTS = 0.05, 0.1
"""And the least shares of the group's: what fewer have may be a question's words, not a template's.
"""
READ = 256
"""Prompts that a skeleton is read from, of as many accounts as there are."""
SAME = 0.6
"""A text of which so many prompts fit one skeleton already stands in a slot of it, or is it."""
TRIES = 256
"""Texts that are tried at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """A skeleton in the traffic that it comes from.

    Attributes:
        text: the fixed words, each slot as `{}`.
        prompts: the different prompts of the group that fit, ascending (n,) int64.
        accounts: how many of the group's accounts sent one of them.
        read: some of them, of as many accounts as there are (m,) int64.
    """

    text: str
    prompts: Ints
    accounts: int
    read: Ints


def find_skeletons(corpus: Corpus, accounts: Accounts, members: Ints) -> list[Found]:
    """Return the skeletons of a group, those that fit most prompts first.

    The text that most prompts hold is read as a template: a word is kept where it stands in a run
    of three that 30 % of the prompts read and at least `ACCOUNTS` accounts used. The next text is
    tried, unless most of its prompts fit one skeleton that is there: then it is of it, or fills a
    slot. A question that is sent in several templates stands in too few different prompts.

    Args:
        corpus: the traffic.
        accounts: of the traffic.
        members: the group (members,).
    """
    group = _Group(corpus, accounts, members)
    prints = fingerprint(group.texts)
    names, code = np.unique(prints.hash, return_inverse=True)
    shape = (len(group.texts), len(names))
    held = sparse.coo_array((np.ones(len(code)), (prints.prompt, code)), shape=shape).tocsc()
    prompts = np.diff(held.indptr)
    left = np.flatnonzero(prompts >= group.fewest)
    left = left[np.lexsort((names[left], -prompts[left]))]
    taken = np.zeros(len(names))
    found: list[Found] = []
    for _ in range(TRIES):
        left = left[taken[left] <= SAME]
        if not len(left) or len(found) == MOST_SKELETONS:
            break
        rows = held.indices[held.indptr[left[0]] : held.indptr[left[0] + 1]]
        one = group.read(np.sort(rows).astype(np.int64))
        left = left[1:]
        if one is not None:
            fits = np.zeros(len(group.texts))
            fits[np.searchsorted(group.numbers, one.prompts)] = 1.0
            np.maximum(taken, (held.T @ fits) / np.maximum(prompts, 1), out=taken)
            if all(one.text != other.text for other in found):
                found.append(one)
    return sorted(found, key=lambda one: (-len(one.prompts), one.text))


class _Group:
    """The different prompts of some accounts, in an order that nothing but their text decides."""

    def __init__(self, corpus: Corpus, accounts: Accounts, members: Ints) -> None:
        own = accounts.positions(members)
        pairs = np.unique(
            np.stack([corpus.prompt[accounts.rows[own]], accounts.of[own]], axis=1), axis=0
        )
        self.numbers, self._place = np.unique(pairs[:, 0], return_inverse=True)
        self._of = pairs[:, 1]
        self.fewest = max(PROMPTS, OF_PROMPTS * len(self.numbers))
        self._least = max(ACCOUNTS, OF_ACCOUNTS * len(members))
        self.texts = corpus.texts.take(pa.array(self.numbers))
        self._order = np.argsort(np.argsort(hash_texts(self.texts.to_pylist()), kind="stable"))

    def read(self, rows: Ints) -> Found | None:
        """Read one skeleton from prompts that share a text; None where too little is common."""
        sample, senders = self._spread(rows)
        if len(np.unique(senders)) < self._least:
            return None
        texts = self.texts.take(pa.array(sample)).to_pylist()
        template = find_template(texts, senders=senders.tolist(), least=ACCOUNTS, shown=LONGEST)
        if template.skeleton is None or len(runs_of(template.skeleton)) < FEWEST:
            return None
        fits = fit_by_words(self.texts, [template.skeleton]).tocoo().coords[0].astype(np.int64)
        senders = np.unique(self._of[np.isin(self._place, fits)])
        if len(fits) < self.fewest or len(senders) < self._least:
            return None
        read = self._spread(np.sort(fits))[0]
        return Found(
            template.skeleton, np.sort(self.numbers[fits]), len(senders), self.numbers[read]
        )

    def _spread(self, rows: Ints) -> tuple[Ints, Ints]:
        """Choose different prompts, of as many accounts as there are; return them and who sent."""
        starts = np.searchsorted(self._place, rows)
        senders = np.searchsorted(self._place, rows, side="right") - starts
        pairs = starts + self._order[rows] % senders
        pairs = pairs[np.argsort(self._order[rows])]
        chosen = pairs[spread(np.arange(len(pairs)), self._of[pairs], READ)]
        return self._place[chosen], self._of[chosen]
