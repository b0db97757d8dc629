"""Verdicts on sessions or accounts, with what their groups say of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from ..model import SessionModel
from .campaign import Campaign

SURE = 0.99
"""What a group says of one of its sessions is never surer: accounts also do other work."""


@dataclass(frozen=True, slots=True)
class _Place:
    campaign: Campaign
    member: dict[str, Any]


def with_campaigns(
    records: Iterable[dict[str, Any]], campaigns: Sequence[Campaign], prior: float
) -> Iterator[dict[str, Any]]:
    """Yield the records of `label` with `campaign_id`, null for accounts of no group.

    In a group that is judged, the share of extraction that is expected of a session before it is
    read is no more `prior` but m = c g + (1 - c) prior, c the account's certainty and g the group's
    score, at most `SURE` and at least 1 - `SURE`. By Bayes' rule the log-odds of the session's
    score move by logit(m) - logit(prior). Where a session is too short to judge and its group is
    extraction, m is its score. Relays move nothing. The threshold stays, and its promise is of
    sessions alone.

    Args:
        records: of sessions or accounts, as `Verdict.record` gives them.
        campaigns: found in the same traffic.
        prior: the share of extraction that the scores are calibrated to.
    """
    places = {
        member["account_id"]: _Place(campaign, member)
        for campaign in campaigns
        for member in campaign.members
    }
    for record in records:
        place = places.get(record["account_id"])
        if place is None:
            yield record | {"campaign_id": None}
        else:
            yield _moved(record, place, prior)


def prior_of(model: SessionModel) -> float:
    """Return the share of extraction among the sessions that a model learned from."""
    extraction = model.short.scores.extraction
    share = float(extraction.mean()) if len(extraction) else 0.5
    return min(max(share, 1.0 - SURE), SURE)


def _moved(record: dict[str, Any], place: _Place, prior: float) -> dict[str, Any]:
    campaign = place.campaign
    alone, score = record["score"], record["score"]
    if campaign.score is not None and campaign.kind != "relay":
        expected = _expected(campaign.score, place.member["certainty"], prior)
        if alone is not None:
            score = _expit(_logit(alone) + _logit(expected) - _logit(prior))
        elif campaign.label == "extraction":
            score = expected
    label = record["label"]
    if score is not None:
        score = round(score, 6)
        label = "extraction" if score > record["threshold"] else "organic"
    told = {
        "kind": campaign.kind,
        "label": campaign.label,
        "score": campaign.score,
        "accounts": len(campaign.members),
        "certainty": place.member["certainty"],
        "reasons": place.member["reasons"],
        "score_alone": alone,
        "label_alone": record["label"],
    }
    changed = {"label": label, "score": score, "campaign_id": campaign.campaign_id}
    return record | changed | {"evidence": record["evidence"] | {"campaign": told}}


def _expected(score: float, certainty: float, prior: float) -> float:
    return min(max(certainty * score + (1.0 - certainty) * prior, 1.0 - SURE), SURE)


def _logit(chance: float) -> float:
    chance = min(max(chance, 1e-6), 1.0 - 1e-6)
    return log(chance / (1.0 - chance))


def _expit(odds: float) -> float:
    return 1.0 / (1.0 + exp(-odds))
