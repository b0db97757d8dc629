"""What accounts share: one table of accounts by things, weighted by how rare a thing is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from .fingerprints import Hashes, fingerprint, hash_texts, mix

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

KINDS = ("text", "moment", "system", "organisation", "network", "client", "payment")
"""Kinds of things: a family of texts, a prompt in ten minutes, a system prompt, identifiers."""
MOMENT = 600_000_000
"""Microseconds in which the same prompt from two accounts is at one time."""
WORDS = 6
"""A prompt of fewer words is said by many at any time."""
TOGETHER = 0.5
"""Fingerprints are one family where this share of the prompts of each holds both."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a traffic, in an order that only their ids decide.

    Attributes:
        ids: (accounts,).
        rows: the rows of traffic that name an account, in time order (rows,) int64.
        of: the account of each of those rows (rows,) int64.
    """

    ids: pa.Array
    rows: Ints
    of: Ints

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self.ids)

    def positions(self, members: Ints) -> Ints:
        """Return where in `rows` the rows of some accounts are (n,)."""
        own = np.zeros(len(self), bool)
        own[members] = True
        return np.flatnonzero(own[self.of])


@dataclass(frozen=True, slots=True)
class Things:
    """What accounts hold, only what two of them hold at least.

    Attributes:
        table: 1 where an account holds a thing (accounts, things) float64.
        kind: position in `KINDS` (things,) int64.
        name: a hash of each thing's content (things,) uint64.
        weight: -ln of the share of accounts that hold it (things,) float64.
        degree: how many things of each kind an account holds, also those that it holds alone; of
            texts, a prompt that shares nothing counts as one (accounts, kinds) float64.
        texts: which distinct prompt holds which text (distinct, things) float64.
    """

    table: sparse.csr_array
    kind: Ints
    name: Hashes
    weight: Floats
    degree: Floats
    texts: sparse.csr_array

    @property
    def holders(self) -> Ints:
        """How many accounts hold each thing (things,)."""
        return np.bincount(self.table.indices, minlength=len(self.kind))


def find_accounts(table: pa.Table, prompt: Ints) -> Accounts:
    """Return the accounts of a traffic in the order of their ids' hashes.

    Args:
        table: the columns of the traffic (rows).
        prompt: the number of each row's distinct prompt (rows,).
    """
    rows = np.flatnonzero(np.asarray(pc.is_valid(table["account_id"])))
    times = np.asarray(table["timestamp"].cast(pa.int64()).fill_null(0))[rows]
    coded = table["account_id"].combine_chunks().dictionary_encode()
    order = np.argsort(hash_texts(coded.dictionary.to_pylist()), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    of = place[np.asarray(coded.indices.fill_null(0))[rows]]
    in_time = np.lexsort((prompt[rows], of, times))
    return Accounts(coded.dictionary.take(pa.array(order)), rows[in_time], of[in_time])


def find_things(table: pa.Table, accounts: Accounts, prompt: Ints, texts: pa.Array) -> Things:
    """Collect everything that accounts can share.

    Args:
        table: the columns of the traffic (rows).
        accounts: the accounts and their rows.
        prompt: the number of each row's distinct prompt (rows,).
        texts: the distinct prompts (distinct,).
    """
    asked = prompt[accounts.rows]
    sent = _ones(accounts.of, asked, (len(accounts), len(texts)))
    held, names = _families(sent, texts)
    tables, kinds, every = [_ones_of(sent @ held)], [np.zeros(len(names), np.int64)], [names]
    for number, (codes, hashes) in enumerate(_columns(table, accounts, asked, texts), start=1):
        if len(hashes):
            known = codes >= 0
            shape = (len(accounts), len(hashes))
            tables.append(_ones(accounts.of[known], codes[known], shape))
            kinds.append(np.full(len(hashes), number))
            every.append(hashes)
    joined, kind, name = sparse.hstack(tables, "csr"), np.concatenate(kinds), np.concatenate(every)
    of_kind = _ones(np.arange(len(kind)), kind, (len(kind), len(KINDS)))
    holders = np.bincount(joined.indices, minlength=len(kind))
    kept = np.flatnonzero(holders > 1)
    kept = kept[np.lexsort((name[kept], kind[kept]))]
    weight = np.log(len(accounts) / holders[kept])
    of_texts = held[:, kept[kind[kept] == 0]]
    of_texts.resize((len(texts), len(kept)))
    degree = (joined @ of_kind).toarray()
    degree[:, 0] += sent @ (np.diff(held.indptr) == 0)
    return Things(joined[:, kept], kind[kept], name[kept], weight, degree, of_texts)


def _families(sent: sparse.csr_array, texts: pa.Array) -> tuple[sparse.csr_array, Hashes]:
    """Join fingerprints that go together; return prompts by families, and the families' names.

    The fingerprints of one template say one thing, not many. Those of a prompt are put in order of
    how many accounts hold them; two next to each other are of one family where at least half of
    the prompts of each hold both.
    """
    prints = fingerprint(texts)
    senders = np.bincount(sent.indices, minlength=len(texts))
    names, code = np.unique(prints.hash, return_inverse=True)
    common = np.bincount(code, senders[prints.prompt]) > 1
    names, code = names[common], (np.cumsum(common) - 1)[code[kept := common[code]]]
    held = _ones(prints.prompt[kept], code, (len(texts), len(names)))
    holders = np.bincount(_ones_of(sent @ held).indices, minlength=len(names))
    prompts = np.bincount(held.indices, minlength=len(names))
    prompt = np.repeat(np.arange(len(texts)), np.diff(held.indptr))
    order = np.lexsort((held.indices, holders[held.indices], prompt))
    ordered, prompt = held.indices[order], prompt[order]
    beside = prompt[1:] == prompt[:-1]
    shape = (len(names), len(names))
    pairs = sparse.coo_array(
        (np.ones(beside.sum()), (ordered[:-1][beside], ordered[1:][beside])), shape=shape
    ).tocsr()
    pairs = pairs.tocoo()
    one, other = pairs.coords
    close = pairs.data >= TOGETHER * np.maximum(prompts[one], prompts[other])
    graph = sparse.coo_array((pairs.data[close], (one[close], other[close])), shape=shape)
    count, family = sparse.csgraph.connected_components(graph, directed=False)
    of_family = _ones(np.arange(len(names)), family, (len(names), count))
    named = np.full(count, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(named, family, names)
    return _ones_of(held @ of_family), named


def _columns(
    table: pa.Table, accounts: Accounts, asked: Ints, texts: pa.Array
) -> list[tuple[Ints, Hashes]]:
    """Return codes (-1 for none) of the rows and hashes of the codes, for `KINDS` but the first."""
    found = [_moments(table, accounts, asked, texts)]
    for name in KINDS[2:]:
        column = table[name].combine_chunks().take(pa.array(accounts.rows)).dictionary_encode()
        codes = np.asarray(column.indices.fill_null(-1), dtype=np.int64)
        found.append((codes, hash_texts(column.dictionary.to_pylist())))
    return found


def _moments(
    table: pa.Table, accounts: Accounts, asked: Ints, texts: pa.Array
) -> tuple[Ints, Hashes]:
    """Return which prompt each row asks in which ten minutes."""
    times = table["timestamp"].cast(pa.int64()).fill_null(-1).combine_chunks()
    time = np.asarray(times)[accounts.rows]
    shared = np.bincount(asked, minlength=len(texts)) > 1
    spaces = np.asarray(pc.count_substring(pc.utf8_trim_whitespace(texts), " "))
    usable = shared[asked] & (spaces[asked] >= WORDS - 1) & (time >= 0)
    used, number = np.unique(asked, return_inverse=True)
    hashes = np.zeros(len(used), np.uint64)
    needed = np.unique(number[usable])
    hashes[needed] = hash_texts(texts.take(pa.array(used[needed])).to_pylist())
    moment = mix(hashes[number], (time // MOMENT).astype(np.uint64))
    names, codes = np.unique(moment, return_inverse=True)
    return np.where(usable, codes, -1), names


def _ones(rows: Ints, columns: Ints, shape: tuple[int, int]) -> sparse.csr_array:
    return _ones_of(sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=shape).tocsr())


def _ones_of(table: sparse.csr_array) -> sparse.csr_array:
    table.sum_duplicates()
    table.data[:] = 1.0
    return table
