"""Verdicts over traffic: one record per session or account, with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from ..data import INSUFFICIENT, By, Traffic, load_areas
from ..embed import Encoder
from ..index import AreaMap
from .evidence import template_found, weighed_most
from .model import SessionModel
from .reading import read_first, read_second


@dataclass(frozen=True, slots=True)
class Verdict:
    """What capscope says of one session or account.

    Attributes:
        session_id: None for an account.
        account_id: None where the log had none.
        sessions: how many it spans.
        prompts: how many it holds, repeats included.
        label: organic, extraction or insufficient_evidence.
        score: calibrated probability of extraction; None where the evidence is insufficient.
        threshold: a score above it is extraction.
        area: the capability area of most prompts.
        evidence: why, for a person to check.
    """

    session_id: str | None
    account_id: str | None
    sessions: int
    prompts: int
    label: str
    score: float | None
    threshold: float
    area: str
    evidence: dict[str, Any]

    def record(self, by: By) -> dict[str, Any]:
        """Return the verdict as an output record."""
        who: dict[str, Any] = {"session_id": self.session_id, "account_id": self.account_id}
        if by == "account":
            who = {"account_id": self.account_id, "sessions": self.sessions}
        return who | {
            "prompts": self.prompts,
            "label": self.label,
            "score": self.score,
            "threshold": self.threshold,
            "area": self.area,
            "evidence": self.evidence,
        }


def label(
    traffic: Traffic,
    encoder: Encoder,
    model: SessionModel,
    *,
    by: By = "session",
    max_fpr: float | None = None,
    exact: bool = False,
    areas: AreaMap | None = None,
) -> Iterator[Verdict]:
    """Judge every session, or account, in the order in which the traffic first met them.

    A verdict depends on the session's own prompts alone, to the last bit, whatever traffic stands
    beside it.

    Args:
        traffic: what to judge.
        encoder: must be the model's.
        model: a shipped or trained model.
        by: what to judge.
        max_fpr: the promised rate of false positives; the model's own where None.
        exact: whether the transformer reads every prompt of every session, instead of some
            prompts of those that a first pass is not certain of.
        areas: of the same encoder; embedded where None.

    Raises:
        InputError: the encoder is not the model's, or the promise cannot be kept.
    """
    model.check_encoder(encoder)
    names = [area.name for area in load_areas()]
    groups = traffic.groups(by)
    placed = model.place(groups.sizes, max_fpr, exact)
    thresholds = [round(each, 6) for each in placed.threshold.tolist()]
    first = read_first(traffic, groups, model, placed)
    enough = groups.sizes >= model.min_prompts
    wanted = exact | (enough & (first.judged.scores >= placed.let_go))
    chosen = np.flatnonzero(wanted)
    areas = areas or AreaMap.embedded(encoder)
    second = read_second(traffic, groups, first, chosen, model, encoder, areas, exact)
    accounts = traffic.column("account_id", groups.first)
    sessions = traffic.column("session_id", groups.first)
    for i, rows in enumerate(groups):
        one = second if wanted[i] else first
        place = int(second.place[i]) if wanted[i] else i
        shares = np.bincount(one.areas(i), minlength=len(names)) / len(one.areas(i))
        score = round(float(one.judged.scores[place]), 6) if enough[i] else None
        evidence: dict[str, Any] = {
            "first_pass": not wanted[i],
            "area_share": round(float(shares.max()), 4),
            "area_by": "vectors" if wanted[i] else "words",
            "nearest_known": second.nearest[place] if wanted[i] else None,
            "template": template_found(first.faces.templates[i]),
        }
        if score is None:
            verdict = INSUFFICIENT
            evidence |= {"reason": f"{len(rows)} prompts, fewer than {model.min_prompts}"}
        else:
            verdict = "extraction" if score > thresholds[i] else "organic"
            evidence |= {
                "measures": one.judged.moved(place),
                "prompts": weighed_most(first.prompts(i), first.wording[first.faces.prompts[i]]),
            }
        yield Verdict(
            sessions[i] if by == "session" else None,
            accounts[i],
            pc.count_distinct(traffic.table["session_id"].take(rows)).as_py(),
            len(rows),
            verdict,
            score,
            thresholds[i],
            names[int(shares.argmax())],
            evidence,
        )
