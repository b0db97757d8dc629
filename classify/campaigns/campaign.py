"""Campaigns: groups of accounts that move together, each with a verdict and its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from .conduct import division, growth, schedule
from .corpus import Corpus
from .groups import LEAST, find_groups, own_cores
from .judge import Judge, Judged
from .pivot import Launch, find_pivots, strongest
from .reasons import Shared, of_account, shared_by
from .relays import Relay, find_relays
from .settle import certainties, claim, settle
from .things import Accounts, Floats, Ints, Things
from .ties import Ties, find_ties


@dataclass(frozen=True, slots=True)
class Campaign:
    """Accounts that move together; `extraction` by its label only, whatever links them.

    Attributes:
        campaign_id: from what they share, nothing else.
        kind: campaign (its label is extraction), relay (experimental) or shared_use.
        label: organic, extraction or insufficient_evidence.
        score: median calibrated probability of extraction of its accounts, of a relay without
            what it adds; None where the evidence is insufficient.
        threshold: a score above it is extraction.
        members: records of the accounts, the most certain first.
        prompts: how many they sent.
        areas: shares of the prompts that were read by capability area, the largest first.
        pivot: the strongest turn to a launched model; None without a launch.
        evidence: what they share, and how they work.
        signs: hashes of what they share most, to know the group again.
        history: what became of it since groups were last kept; None where none are.
    """

    campaign_id: str
    kind: str
    label: str
    score: float | None
    threshold: float
    members: list[dict[str, Any]]
    prompts: int
    areas: dict[str, float]
    pivot: dict[str, Any] | None
    evidence: dict[str, Any]
    signs: tuple[int, ...]
    history: dict[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """Return the campaign as an output record."""
        kept = {} if self.history is None else {"history": self.history}
        return {
            "campaign_id": self.campaign_id,
            "kind": self.kind,
            "experimental": self.kind == "relay",
            "label": self.label,
            "score": self.score,
            "threshold": self.threshold,
            "accounts": self.members,
            "prompts": self.prompts,
            "areas": self.areas,
            "pivot": self.pivot,
            "evidence": self.evidence,
            **kept,
        }


def find_campaigns(
    corpus: Corpus, judge: Judge, launches: Sequence[Launch] = (), ties: Ties | None = None
) -> list[Campaign]:
    """Return the groups of accounts that move together, extraction first, then the largest.

    Args:
        corpus: the traffic.
        judge: gives each group its verdict.
        launches: of models; where none is told, those that the traffic shows.
        ties: of the traffic; they are found where they are not given.

    Raises:
        InputError: no row names an account, or a launched model is in no row.
    """
    ties = ties or find_ties(corpus, launches)
    accounts, things = ties.accounts, ties.things
    groups = _groups(corpus, ties, judge)
    if not groups:
        return []
    members = [group.accounts for group in groups]
    pivots = find_pivots(ties.moves, list(launches) or ties.moves.launches(), members)
    rows = [accounts.positions(one) for one in members]
    shared = shared_by(things, corpus, accounts, members)
    found = []
    for i, group in enumerate(groups):
        score = group.relay.score if group.relay else group.judged.score
        label = judge.label(score)
        kind = "relay" if group.relay else "campaign" if label == "extraction" else "shared_use"
        read = {"read": group.judged.read, "flagged": group.judged.flagged}
        evidence = {"shared": shared[i].told, **read}
        evidence |= _conduct(corpus, accounts, rows[i])
        if group.relay:
            evidence |= group.relay.record()
        found.append(
            Campaign(
                shared[i].name,
                kind,
                label,
                score,
                judge.threshold,
                _members(group, accounts, things, shared[i], rows[i]),
                len(rows[i]),
                group.judged.areas,
                strongest(pivots[i]),
                evidence,
                shared[i].signs,
            )
        )
    return sorted(found, key=_first)


@dataclass(frozen=True, slots=True)
class _Group:
    accounts: Ints
    certainty: Floats
    judged: Judged
    relay: Relay | None


def _groups(corpus: Corpus, ties: Ties, judge: Judge) -> list[_Group]:
    """Return the relays and the groups; an account of a relay is in no other group."""
    accounts, things = ties.accounts, ties.things
    relays = find_relays(corpus, accounts, things, judge)
    relayed = np.zeros(len(accounts), bool)
    for relay in relays:
        relayed[relay.accounts] = True
    free = np.flatnonzero(~relayed)
    links = ties.links.keep(np.flatnonzero(~relayed[ties.links.one] & ~relayed[ties.links.other]))
    found = settle(things, links, find_groups(things, links), free)
    first = [judge.label(one.score) == "extraction" for one in _judged(corpus, ties, judge, found)]
    found = claim(things, found, np.array(first, bool), free)
    found = [group for group in found if len(group) >= LEAST]
    certain = certainties(things, links, found, free)
    judged = _judged(corpus, ties, judge, [*(relay.accounts for relay in relays), *found])
    ends = len(relays)
    return [
        *(
            _Group(relay.accounts, relay.certainty, one, relay)
            for relay, one in zip(relays, judged[:ends], strict=True)
        ),
        *(
            _Group(group, sure, one, None)
            for group, sure, one in zip(found, certain, judged[ends:], strict=True)
        ),
    ]


def _judged(corpus: Corpus, ties: Ties, judge: Judge, groups: list[Ints]) -> list[Judged]:
    if not groups:
        return []
    holds = sparse.csc_array(ties.things.texts @ own_cores(ties.things, groups))
    return judge.groups(corpus, ties.accounts, groups, holds)


def _members(
    group: _Group, accounts: Accounts, things: Things, shared: Shared, rows: Ints
) -> list[dict[str, Any]]:
    prompts = np.bincount(accounts.of[rows], minlength=len(accounts))
    sure = group.certainty.round(4)
    return [
        {
            "account_id": accounts.ids[account].as_py(),
            "certainty": certainty,
            "prompts": int(prompts[account]),
            "reasons": of_account(things, shared, account),
        }
        for account, certainty in (
            (int(group.accounts[i]), float(sure[i])) for i in np.argsort(-sure, kind="stable")
        )
    ]


def _conduct(corpus: Corpus, accounts: Accounts, rows: Ints) -> dict[str, Any]:
    of, own = accounts.of[rows], accounts.rows[rows]
    times = corpus.table["timestamp"].take(pa.array(own)).cast(pa.int64()).fill_null(-1)
    times = np.asarray(times, dtype=np.int64)
    return {
        "division": division(of, corpus.prompt[own]),
        "schedule": schedule(times),
        "growth": growth(of, times),
    }


def _first(one: Campaign) -> tuple[int, int, str]:
    order = ("campaign", "relay", "shared_use")
    return order.index(one.kind), -len(one.members), one.campaign_id
