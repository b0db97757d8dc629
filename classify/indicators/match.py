"""Accounts whose traffic fits a campaign's profile, and the chance of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse, stats

from ...index import AreaMap
from ..campaigns.corpus import Corpus
from ..campaigns.things import Accounts, Floats, Ints
from .fits import fit_by_meaning, fit_by_words
from .profile import Outside, Profile, Skeleton
from .shares import area_shares, hours_of

LEAST = 0.05
"""An account matches where so much of its prompts fits at least, with 95 % confidence."""
FDR = 0.01
"""And where its adjusted chance is below."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Scores:
    """How the accounts of a traffic fit some skeletons; a prompt counts once for each account.

    Attributes:
        prompts: different prompts of each account (accounts,) int64.
        fit: how many of them fit (accounts,) int64.
        by_words: how many of those by their words (accounts,) int64.
        similarity: lower 95 % bound of the share that fits (accounts,) float64.
        p_value: chance of as many, if they fitted as often as all others' do (accounts,) float64.
        q_value: adjusted for all accounts (accounts,) float64.
        held: prompts of each account that fit a skeleton by words (accounts, skeletons).
    """

    prompts: Ints
    fit: Ints
    by_words: Ints
    similarity: Floats
    p_value: Floats
    q_value: Floats
    held: sparse.csr_array

    @property
    def match(self) -> NDArray[np.bool_]:
        """Which accounts match (accounts,)."""
        return (self.similarity >= LEAST) & (self.q_value < FDR)


def score_accounts(corpus: Corpus, accounts: Accounts, skeletons: list[Skeleton]) -> Scores:
    """Count the prompts of each account that fit, and give each count its chance.

    `similarity` is Clopper and Pearson's (1934) bound of a share. The chance is binomial, at the
    rate of all other accounts' prompts, the campaign's among them, which makes it larger; it is
    adjusted for all accounts (Benjamini and Hochberg 1995).

    Args:
        corpus: the traffic.
        accounts: of the traffic.
        skeletons: of a profile.
    """
    asked = corpus.prompt[accounts.rows]
    shape = (len(accounts), len(corpus.texts))
    sent = sparse.coo_array((np.ones(len(asked)), (accounts.of, asked)), shape=shape).tocsr()
    sent.data[:] = 1.0
    words = fit_by_words(corpus.texts, [one.text for one in skeletons])
    by_words = np.diff(words.indptr) > 0
    every = by_words | fit_by_meaning(corpus, skeletons)
    prompts = np.diff(sent.indptr).astype(np.int64)
    fit = np.asarray(sent @ every.astype(np.float64)).astype(np.int64)
    similarity = np.where(fit > 0, stats.beta.ppf(1 - CONFIDENCE, fit, prompts - fit + 1), 0.0)
    rate = (fit.sum() - fit + 1.0) / (prompts.sum() - prompts + 1.0)
    p_value = stats.binom.sf(fit - 1, prompts, np.minimum(rate, 1.0))
    return Scores(
        prompts,
        fit,
        np.asarray(sent @ by_words.astype(np.float64)).astype(np.int64),
        similarity,
        p_value,
        stats.false_discovery_control(p_value),
        sparse.csr_array(sent @ words),
    )


def outside(scores: Scores, members: Ints) -> Outside:
    """Say how many accounts outside a group match, and what rate that leaves possible."""
    others = np.setdiff1d(np.arange(len(scores.prompts)), members)
    count, matched = len(others), int(scores.match[others].sum())
    at_most = stats.beta.ppf(CONFIDENCE, matched + 1, count - matched) if matched < count else 1.0
    return Outside(accounts=count, matched=matched, at_most=round(float(at_most), 6))


def match_records(
    corpus: Corpus, accounts: Accounts, profile: Profile, areas: AreaMap
) -> list[dict[str, Any]]:
    """Return a record for each account that fits beyond chance, the most similar first.

    Args:
        corpus: the traffic.
        accounts: of the traffic.
        profile: another's campaign.
        areas: to compare what is asked for; made with the profile's encoder.
    """
    scores = score_accounts(corpus, accounts, profile.skeletons)
    chosen = np.flatnonzero((scores.q_value < FDR) & (scores.fit > 0))
    chosen = chosen[np.lexsort((chosen, scores.p_value[chosen], -scores.similarity[chosen]))]
    holders = np.diff(scores.held.tocsc().indptr)
    expected = np.array([profile.areas.get(name, 0.0) for name in areas.areas])
    order = np.argsort(accounts.of, kind="stable")
    starts = np.searchsorted(accounts.of[order], np.arange(len(accounts) + 1))
    found = []
    for account in chosen.tolist():
        rows = accounts.rows[order[starts[account] : starts[account + 1]]]
        shares = area_shares(areas, corpus.vectors(np.unique(corpus.prompt[rows])))
        found.append(
            {
                "account_id": accounts.ids[account].as_py(),
                "campaign_id": profile.campaign_id,
                "match": bool(scores.match[account]),
                "similarity": round(float(scores.similarity[account]), 4),
                "prompts": int(scores.prompts[account]),
                "fit": int(scores.fit[account]),
                "p_value": float(f"{scores.p_value[account]:.4g}"),
                "q_value": float(f"{scores.q_value[account]:.4g}"),
                "false_match_rate": profile.outside.at_most,
                "reasons": _reasons(scores, account, profile, holders),
                "evidence": {
                    "by_words": int(scores.by_words[account]),
                    "areas": _cosine(shares, expected),
                    "hours": _common_hours(corpus.table["timestamp"].take(pa.array(rows)), profile),
                },
            }
        )
    return found


def _reasons(scores: Scores, account: int, profile: Profile, holders: Ints) -> list[dict[str, Any]]:
    """Say which skeletons an account's prompts fit by their words, those that most fit first."""
    row = scores.held[[account]].tocoo()
    order = np.lexsort((row.coords[1], -row.data))
    return [
        {
            "skeleton": profile.skeletons[int(row.coords[1][i])].text,
            "prompts": int(row.data[i]),
            "of_all": int(holders[row.coords[1][i]]),
        }
        for i in order
    ]


def _cosine(one: Floats, other: Floats) -> float:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return round(float(one @ other) / length, 4) if length else 0.0


def _common_hours(times: pa.ChunkedArray, profile: Profile) -> float | None:
    """Return how much of an account's hours the profile's has too; None where one has none."""
    hours = hours_of(times)
    if hours is None or profile.schedule is None:
        return None
    return round(float(np.minimum(hours, profile.schedule.hours).sum()), 4)
