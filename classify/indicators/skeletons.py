"""The templates of a group: only words that many of its prompts and accounts have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import sparse

from ...data.templates import find_template
from ..campaigns.corpus import Corpus, spread
from ..campaigns.fingerprints import find_runs, fingerprint, hash_texts
from ..campaigns.things import Accounts, Ints
from .fits import FEWEST, HELD, runs_of
from .profile import LONGEST, MOST_SKELETONS

PROMPTS, ACCOUNTS = 20, 5
"""Different prompts that fit a skeleton, and accounts that used each run of its words, at least."""
OF_PROMPTS, OF_ACCOUNTS = 0.05, 0.1
"""And the least shares of the group's: what fewer have may be a question's words, not a template's.
"""
MOST = 50_000
"""Different prompts of the group that are looked at."""
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
            found.append(one)
    return sorted(found, key=lambda one: (-len(one.prompts), one.text))


class _Group:
    """The different prompts of some accounts, in an order that nothing but their text decides."""

    def __init__(self, corpus: Corpus, accounts: Accounts, members: Ints) -> None:
        own = accounts.positions(members)
        pairs = np.unique(
            np.stack([corpus.prompt[accounts.rows[own]], accounts.of[own]], axis=1), axis=0
        )
        numbers = np.unique(pairs[:, 0])
        order = np.argsort(hash_texts(corpus.texts.take(pa.array(numbers)).to_pylist()))
        self.numbers = np.sort(numbers[order[:MOST]])
        pairs = pairs[np.isin(pairs[:, 0], self.numbers)]
        self._place, self._of = np.searchsorted(self.numbers, pairs[:, 0]), pairs[:, 1]
        self.texts = corpus.texts.take(pa.array(self.numbers))
        self._order = np.argsort(np.argsort(hash_texts(self.texts.to_pylist()), kind="stable"))
        found = find_runs(self.texts)
        self._names, code = np.unique(found.hash, return_inverse=True)
        shape = (len(self.texts), len(self._names))
        ones = np.ones(len(code))
        self._held = sparse.coo_array((ones, (found.prompt, code)), shape=shape).tocsc()
        sent = sparse.coo_array((np.ones(len(self._of)), (self._of, self._place)))
        self._sent = sent.tocsr()
        self._seen: set[str] = set()
        self.fewest = max(PROMPTS, OF_PROMPTS * len(self.numbers))
        self._least = max(ACCOUNTS, OF_ACCOUNTS * len(members))

    def read(self, rows: Ints) -> Found | None:
        """Read one skeleton from prompts that share a text; None where too little is common.

        None too where the same was read before.
        """
        sample, senders = self._spread(rows)
        if len(np.unique(senders)) < self._least:
            return None
        texts = self.texts.take(pa.array(sample)).to_pylist()
        template = find_template(
            texts,
            least=PROMPTS,
            senders=senders.tolist(),
            least_senders=ACCOUNTS,
            shown=LONGEST,
        )
        text = self._shared(template.skeleton or "")
        if text in self._seen or len(runs_of(text)) < FEWEST:
            return None
        self._seen.add(text)
        runs = runs_of(text)
        counts = np.asarray(self._held[:, np.searchsorted(self._names, runs)].sum(axis=1)).ravel()
        fits = np.flatnonzero(counts >= HELD * len(runs))
        senders = np.unique(self._of[np.isin(self._place, fits)])
        if len(fits) < self.fewest or len(senders) < self._least:
            return None
        read = self._spread(fits)[0]
        return Found(text, self.numbers[fits], len(senders), self.numbers[read])

    def _shared(self, skeleton: str) -> str:
        """Make a slot of every part of a skeleton with a run of five words that few have used.

        Runs of three that many have may overlap in one of five that few have.
        """
        parts = skeleton.split("{}")
        own = find_runs(pa.array(parts, pa.large_string()))
        column = np.minimum(np.searchsorted(self._names, own.hash), len(self._names) - 1)
        held = self._held[:, column]
        prompts = np.diff(held.indptr)
        accounts = np.diff(sparse.csc_array(self._sent @ held).indptr)
        few = (prompts < PROMPTS) | (accounts < ACCOUNTS) | (self._names[column] != own.hash)
        for part in np.unique(own.prompt[few]):
            parts[part] = ""
        return re.sub(r"(\{\})+", "{}", "{}".join(parts))

    def _spread(self, rows: Ints) -> tuple[Ints, Ints]:
        """Choose different prompts, of as many accounts as there are; return them and who sent."""
        starts = np.searchsorted(self._place, rows)
        senders = np.searchsorted(self._place, rows, side="right") - starts
        pairs = starts + self._order[rows] % senders
        pairs = pairs[np.argsort(self._order[rows])]
        chosen = pairs[spread(np.arange(len(pairs)), self._of[pairs], READ)]
        return self._place[chosen], self._of[chosen]
