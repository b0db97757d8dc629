"""What labelled traffic says of its sessions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..data import JOIN, LABELS, By, Groups, InputError, Traffic, read_labels
from .known import KINDS

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Truth:
    """Labelled sessions, those without a label or with too few prompts left out.

    Attributes:
        groups: their prompts.
        extraction: the label (sessions,).
        kind: position in `KINDS` (sessions,).
        about: what the traffic calls each kind of session; "session" where it does not (sessions,).
        source: where each is from, as positions in `sources` (sessions,).
        sources: their names; the split group where unnamed.
        fold: position in `folds`; sessions of one stay on one side of a split (sessions,).
        folds: the names of the split groups.
        left_out: sessions without a usable label or with too few prompts.
    """

    groups: Groups
    extraction: NDArray[np.bool_]
    kind: NDArray[np.int64]
    about: list[str]
    source: NDArray[np.int64]
    sources: list[str]
    fold: NDArray[np.int64]
    folds: list[str]
    left_out: int

    def take(self, chosen: NDArray[np.int64]) -> Truth:
        """Return some of the sessions."""
        return Truth(
            self.groups.take(chosen),
            self.extraction[chosen],
            self.kind[chosen],
            [self.about[i] for i in chosen],
            self.source[chosen],
            self.sources,
            self.fold[chosen],
            self.folds,
            self.left_out,
        )

    def beside(self, others: Truth) -> Truth:
        """Return the sessions of those split groups that `others` has, numbered as there.

        Those of other groups are left out: what a model of `others` saw of them is not known.
        """
        names = [*others.sources, *sorted({*self.sources} - {*others.sources})]
        folds = [others.folds.index(f) if f in others.folds else -1 for f in self.folds]
        numbered = replace(
            self,
            source=np.array([names.index(name) for name in self.sources])[self.source],
            sources=names,
            fold=np.array(folds)[self.fold],
            folds=others.folds,
        )
        return numbered.take(np.flatnonzero(np.isin(numbered.fold, others.fold)))


def named_labels(labels: Path | None, *traffic: Traffic) -> dict[str, str] | None:
    """Read a labels file, if there is one: the label of each session that it names.

    Raises:
        InputError: it cannot be read, or names a session that none of the traffic has.
    """
    if labels is None:
        return None
    named = read_labels(labels)
    sessions = {str(s) for each in traffic for s in each.table["session_id"].unique().to_pylist()}
    if unknown := sorted(named.keys() - sessions):
        raise InputError(
            f"{len(unknown):,} of {len(named):,} labels in {labels} name no session of the "
            f"traffic, such as {unknown[0]}",
            "session ids as they stand in the traffic",
            "Take them out, or name the traffic that holds them as well.",
        )
    return named


def read_truth(
    traffic: Traffic,
    min_prompts: int,
    named: Mapping[str, str] | None = None,
    by: By = "session",
) -> Truth:
    """Read the labels of sessions or accounts: as `named`, else from the traffic's label column.

    One whose rows disagree is left out, rows without a label aside. They are split by the `group`
    column where there is one, else by account.

    Args:
        traffic: what they are of.
        min_prompts: those of fewer are left out.
        named: the label of each session, by its id; see `named_labels`.
        by: what has a label.

    Raises:
        InputError: fewer than two classes are left.
    """
    every = traffic.groups(by)
    found = _labels(traffic, every, named)
    chosen = np.array(
        [i for i, name in enumerate(found) if name and every.sizes[i] >= min_prompts],
        dtype=np.int64,
    )
    groups = every.take(chosen)
    extraction = np.array([found[i] == "extraction" for i in chosen], dtype=bool)
    if len(np.unique(extraction)) < 2:
        raise InputError(
            f"{int(extraction.sum())} extraction and {int((~extraction).sum())} organic {by}s "
            f"with a label and at least {min_prompts} prompts",
            f"{by}s of both labels",
            "Add labelled sessions, in a column label or with --labels.",
        )
    about = [name or "session" for name in traffic.column("kind", groups.first)]
    application = np.array([name.startswith("application") for name in about])
    kind = np.where(extraction, KINDS.index("extraction"), np.where(application, 1, 0))
    fold, folds = _folds(traffic, groups)
    named_sources = zip(traffic.column("source", groups.first), fold, strict=True)
    sources, source = np.unique([s or f"fold {f}" for s, f in named_sources], return_inverse=True)
    left_out = len(every) - len(chosen)
    return Truth(groups, extraction, kind, about, source, sources.tolist(), fold, folds, left_out)


def session_hashes(traffic: Traffic, groups: Groups) -> NDArray[np.uint64]:
    """Return a hash of each session's prompts, to know them again (sessions,) uint64."""
    prompts, hashes = traffic.table["prompt"].combine_chunks(), []
    for rows in groups:
        text = "\x1e".join(map(str, prompts.take(pa.array(rows)).to_pylist()))
        digest = hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest()
        hashes.append(int.from_bytes(digest, "little"))
    return np.array(hashes, dtype=np.uint64)


def _labels(traffic: Traffic, groups: Groups, named: Mapping[str, str] | None) -> list[str | None]:
    column = traffic.column("label")
    if named is not None:
        column = [named.get(str(session)) for session in traffic.column("session_id")]
    told = [{column[row] for row in rows} - {None} for rows in groups]
    return [
        one if len(values) == 1 and (one := next(iter(values))) in LABELS else None
        for values in told
    ]


def _folds(traffic: Traffic, groups: Groups) -> tuple[NDArray[np.int64], list[str]]:
    """Number the split groups; accounts of sessions that name none are spread over five."""
    named = traffic.column("group", groups.first)
    accounts = traffic.column("account_id", groups.first)
    sessions = traffic.column("session_id", groups.first)
    owners = [a or s or "" for a, s in zip(accounts, sessions, strict=True)]
    digests = [hashlib.blake2b(owner.encode(), digest_size=4).digest() for owner in owners]
    spread = [f"accounts {int.from_bytes(digest) % FOLDS}" for digest in digests]
    return join_groups([str(name or other) for name, other in zip(named, spread, strict=True)])


def join_groups(named: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """Number split groups, those that a session joins taken as one."""
    names, group = np.unique(named, return_inverse=True)
    parts = [name.split(JOIN) for name in names]
    single = {part: i for i, part in enumerate(sorted({p for each in parts for p in each}))}
    ends = np.array([(single[each[0]], single[part]) for each in parts for part in each])
    links = coo_array((np.ones(len(ends)), ends.T), shape=(len(single), len(single)))
    whole = connected_components(links, directed=False)[1]
    folds = [JOIN.join(n for n, i in single.items() if whole[i] == w) for w in np.unique(whole)]
    return whole[[single[each[0]] for each in parts]].astype(np.int64)[group], folds
