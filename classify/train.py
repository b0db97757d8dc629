"""From labelled traffic to a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..data import By, InputError, Traffic
from ..embed import Encoder, embed
from ..index import AreaMap
from .card import write_card
from .learn import learn
from .lessons import Lessons, embed_read
from .levels import LONG
from .model import SessionModel
from .threshold import strictest_promise
from .truth import Truth, named_labels, read_truth, session_hashes

MIN_PROMPTS = 5
FEWEST = 20
"""Fewest sessions of each label that a model is trained on."""


def train(
    traffic: Traffic,
    encoder: Encoder,
    labels: Path | None = None,
    accounts: Traffic | None = None,
    beside: Traffic | None = None,
    accounts_beside: Traffic | None = None,
) -> SessionModel:
    """Train a model on the labelled sessions of `traffic`.

    Each session's measures come from parts that saw nothing of its split group, so the classifiers
    learn how they do on sources they have not seen.

    Args:
        traffic: with labelled sessions.
        encoder: what the model will read vectors of.
        labels: of the sessions, instead of the traffic's column, and of those of `accounts`.
        accounts: labelled traffic whose accounts of `LONG` prompts or more are learned from as a
            whole; only those of split groups that are learned from.
        beside: labelled traffic whose sessions are learned from as well, by their label column; no
            promise, figure or known prompt is of them.
        accounts_beside: the same of accounts, beside `accounts`.

    Raises:
        InputError: too few sessions or accounts of a label, or all of one split group, or a label
            of a session that there is not, or nothing that `beside` or `accounts_beside` adds.
    """
    if accounts is None and accounts_beside is not None:
        raise InputError(
            "accounts beside no accounts",
            "accounts that their promises can rest on",
            "Name such traffic with --accounts.",
        )
    named = named_labels(labels, traffic, *([accounts] if accounts else []))
    own = read_truth(traffic, MIN_PROMPTS, named)
    _check(own)
    every, truth = _with_others(traffic, own, beside, named, "session")
    hashes = [session_hashes(every, truth.groups)]
    areas = AreaMap.embedded(encoder)
    long, long_others = None, None
    if accounts is not None:
        own_accounts = read_truth(accounts, LONG, named, by="account")
        _check(own_accounts.beside(truth), "accounts", LONG)
        both, of_accounts = _with_others(accounts, own_accounts, accounts_beside, named, "account")
        of_accounts = of_accounts.beside(truth)
        hashes.append(session_hashes(both, both.groups("session")))
        hashes.append(session_hashes(both, of_accounts.groups))
        vectors = embed_read(both.table["prompt"], of_accounts.groups, encoder)
        long = Lessons.of(of_accounts, vectors, areas)
        long_others = np.flatnonzero(of_accounts.groups.first >= len(accounts))
    lessons = Lessons.of(truth, embed(every.table["prompt"], encoder), areas)
    is_own = truth.groups.first < len(traffic)
    sessions, others = np.flatnonzero(is_own), np.flatnonzero(~is_own)
    learned = learn(lessons, sessions, long, others, long_others)
    scores = learned.short.scores
    return SessionModel(
        encoder=encoder.fingerprint,
        min_prompts=MIN_PROMPTS,
        max_fpr=strictest_promise(scores.organic),
        parts=lessons.parts(np.arange(len(is_own))),
        subjects=lessons.subjects(areas),
        known=lessons.take(sessions).known(),
        sources=truth.sources,
        short=learned.short,
        long=learned.long,
        trained_on=np.unique(np.concatenate(hashes)),
        card=write_card(traffic, own, learned, encoder.fingerprint),
    )


def _with_column(named: dict[str, str] | None, beside: Traffic) -> dict[str, str] | None:
    """Return labels by session, those of `beside` by its column."""
    if named is None:
        return None
    told = zip(beside.column("session_id"), beside.column("label"), strict=True)
    return named | {str(session): label for session, label in told if label}


def _with_others(
    traffic: Traffic, own: Truth, beside: Traffic | None, named: dict[str, str] | None, by: By
) -> tuple[Traffic, Truth]:
    """Return the traffic and its truth, what is learned from beside it behind its own."""
    if beside is None:
        return traffic, own
    option, least = ("--beside", MIN_PROMPTS) if by == "session" else ("--accounts-beside", LONG)
    every = traffic.followed_by(beside)
    ours, theirs, both = (len(each.groups(by)) for each in (traffic, beside, every))
    if both < ours + theirs:
        raise InputError(
            f"{ours + theirs - both} {by}s that stand in the traffic and beside it",
            f"{by}s beside that are not in the traffic",
            f"Leave out of {option} what is trained on anyway.",
        )
    truth = read_truth(every, least, _with_column(named, beside), by)
    if len(truth.groups) == len(own.groups):
        raise InputError(
            f"no labelled {by} of {least} prompts or more beside the traffic",
            "labels in a column label",
            f"Add labels, or leave out {option}.",
        )
    return every, truth


def _check(truth: Truth, units: str = "sessions", least: int = MIN_PROMPTS) -> None:
    extraction = int(truth.extraction.sum())
    organic = len(truth.extraction) - extraction
    if min(extraction, organic) < FEWEST:
        raise InputError(
            f"{extraction} extraction and {organic} organic {units}",
            f"at least {FEWEST} of each, with {least} prompts or more",
            f"Label more {units}.",
        )
    for fold in np.unique(truth.fold):
        if len(np.unique(truth.extraction[truth.fold != fold])) < 2:
            raise InputError(
                f"all {units} of one label are of one split group",
                "each label in at least two groups (the column group, else accounts)",
                f"Add {units} of other sources.",
            )
