"""The profile of a group: what is kept of it when its prompts and accounts are left out."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import InputError, hash_identifier
from ...index import AreaMap
from ..campaigns.campaign import Campaign
from ..campaigns.corpus import Corpus, spread
from ..campaigns.things import Accounts, Floats, Ints
from .match import outside, score_accounts
from .profile import Cell, Pivot, Profile, Schedule, Skeleton, quantised
from .shares import hours_of
from .skeletons import ACCOUNTS, PROMPTS, Found, find_skeletons

COMMON = 0.05
"""A skeleton is no sign where others hold it so much more often than that of the group's share."""
PLACED = 4_096
"""Prompts of the group that are placed in areas and cells, of as many accounts as there are."""
COMPARED = 20_000
"""Prompts of other accounts that a skeleton's mean is compared with."""
RARE, NEAR = 0.001, 0.6
"""The share of those that may be nearer to the mean than `near`, and the least that `near` is."""
QUIET = 0.25
"""An hour is quiet where it has less than this share of an even one."""


def profile_of(
    corpus: Corpus,
    accounts: Accounts,
    campaign: Campaign,
    areas: AreaMap,
    encoder: str,
    key: bytes | None = None,
) -> Profile:
    """Return what may be shared of a group.

    Args:
        corpus: the traffic that it was found in.
        accounts: of the traffic.
        campaign: the group.
        areas: made with the encoder.
        encoder: fingerprint of the encoder that made the corpus' vectors.
        key: where given, the accounts' ids are told as their HMAC under it.

    Raises:
        InputError: the group's accounts have too few words in common.
    """
    ids = [str(member["account_id"]) for member in campaign.members]
    members = np.flatnonzero(np.asarray(pc.is_in(accounts.ids, pa.array(ids, accounts.ids.type))))
    found = find_skeletons(corpus, accounts, members)
    skeletons = _skeletons(corpus, accounts, members, found)
    if not skeletons:
        raise InputError(
            f"no template in the group {campaign.campaign_id} that others do not use too",
            f"words that {PROMPTS} of its prompts and {ACCOUNTS} of its accounts have in common",
            "Fewer would give single prompts away: tell others of this group by other means.",
        )
    own = accounts.positions(members)
    rows = accounts.rows[own]
    placed = areas.place(corpus.vectors(corpus.prompt[spread(rows, accounts.of[own], PLACED)]))
    cells = np.bincount(placed.cell[placed.cell >= 0], minlength=len(areas.cells))
    shares = np.bincount(placed.area, minlength=len(areas.areas)) / len(placed.area)
    evidence = campaign.evidence
    return Profile(
        campaign_id=campaign.campaign_id,
        kind=cast("Literal['campaign', 'relay', 'shared_use']", campaign.kind),
        label=cast("Literal['organic', 'extraction', 'insufficient_evidence']", campaign.label),
        score=campaign.score,
        accounts=len(members),
        prompts=campaign.prompts,
        encoder=encoder,
        areas=_ranked(areas.areas, shares),
        cells=[
            Cell(area=area, cell=cell, share=round(count / len(placed.area), 4))
            for (area, cell), count in zip(areas.cells, cells.tolist(), strict=True)
            if count >= PROMPTS
        ],
        division=evidence["division"],
        schedule=_schedule(corpus, rows, evidence["schedule"]),
        pivot=Pivot(**campaign.pivot) if campaign.pivot else None,
        outside=outside(score_accounts(corpus, accounts, skeletons), members),
        account_hashes=sorted(hash_identifier(one, key) for one in ids) if key else [],
        skeletons=skeletons,
    )


def _skeletons(
    corpus: Corpus, accounts: Accounts, members: Ints, found: list[Found]
) -> list[Skeleton]:
    """Give each skeleton its mean and counts; leave out those that others use as well."""
    if not found:
        return []
    others = np.setdiff1d(np.arange(len(accounts)), members)
    own = accounts.positions(others)
    compared = spread(accounts.rows[own], accounts.of[own], COMPARED)
    beside = corpus.vectors(np.unique(corpus.prompt[compared]))
    drafts = [_draft(corpus, one, beside) for one in found]
    holds = score_accounts(corpus, accounts, drafts).held > 0
    inside = np.asarray(holds[members].sum(axis=0)).ravel() / len(members)
    elsewhere = np.asarray(holds[others].sum(axis=0)).ravel()
    return [
        draft.model_copy(update={"outside": int(count)})
        for draft, count, share in zip(drafts, elsewhere, inside, strict=True)
        if count <= COMMON * share * max(len(others), 1)
    ]


def _draft(corpus: Corpus, found: Found, beside: NDArray[np.float32]) -> Skeleton:
    """Describe a skeleton; `beside` are vectors of other accounts' prompts (n, dimension)."""
    mean = quantised(corpus.vectors(found.read).mean(axis=0))
    draft = Skeleton(
        text=found.text,
        accounts=found.accounts,
        prompts=len(found.prompts),
        outside=0,
        mean=mean,
        near=1.0,
    )
    if not len(beside):
        return draft
    near = float(np.quantile(beside @ draft.vector(), 1.0 - RARE, method="higher"))
    return draft.model_copy(update={"near": round(min(max(near + 5e-5, NEAR), 1.0), 4)})


def _ranked(names: list[str], shares: Floats) -> dict[str, float]:
    rounded = shares.round(4).tolist()
    return {names[i]: rounded[i] for i in np.argsort(-shares, kind="stable") if rounded[i]}


def _schedule(corpus: Corpus, rows: Ints, told: dict[str, Any] | None) -> Schedule | None:
    hours = hours_of(corpus.table["timestamp"].take(pa.array(rows)))
    if told is None or hours is None:
        return None
    return Schedule(
        first=told["first"],
        last=told["last"],
        hours=hours.round(4).tolist(),
        quiet_hours=np.flatnonzero(hours < QUIET / len(hours)).tolist(),
        burstiness=told["burstiness"],
    )
