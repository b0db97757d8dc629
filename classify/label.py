"""Verdicts over traffic: one record per session or account, with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data import INSUFFICIENT, By, Traffic
from ..embed import Encoder, Vectors, embed
from ..index import AreaMap
from .evidence import moved_most, nearest_kind, template_found, weighed_most
from .features import compute_features, sample
from .model import SessionModel


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
) -> Iterator[Verdict]:
    """Judge every session, or account, in the order in which the traffic first met them.

    Args:
        traffic: what to judge.
        encoder: must be the model's.
        model: a shipped or trained model.
        by: what to judge.
        max_fpr: the promised rate of false positives; the model's own where None.

    Raises:
        InputError: the encoder is not the model's, or the promise cannot be kept.
    """
    model.check_encoder(encoder)
    threshold = round(model.threshold(max_fpr), 6)
    vectors = embed(traffic.table["prompt"], encoder)
    yield from judge(traffic, vectors, AreaMap.embedded(encoder), model, threshold, by)


def judge(
    traffic: Traffic,
    vectors: Vectors,
    areas: AreaMap,
    model: SessionModel,
    threshold: float,
    by: By = "session",
) -> Iterator[Verdict]:
    """Judge every session, or account, of traffic whose vectors are known; see `label`.

    Args:
        traffic: what to judge; its texts are taken from `vectors`.
        vectors: of the traffic, by the model's encoder.
        areas: of the same encoder.
        model: a shipped or trained model.
        threshold: a score above it is extraction.
        by: what to judge.
    """
    groups = traffic.groups(by)
    placed = areas.place(vectors.rows)
    readings, known = model.read(vectors), model.known.nearest(vectors.rows)
    features = compute_features(groups, vectors, placed, readings)
    effects = model.classifier.effects(features.values)
    scores = model.classifier.score_effects(effects)
    accounts = traffic.column("account_id", groups.first)
    sessions = traffic.column("session_id", groups.first)
    for i, rows in enumerate(groups):
        prompts = vectors.of[sample(rows)]
        shares = np.bincount(placed.area[prompts], minlength=len(areas.areas)) / len(prompts)
        score = None if len(rows) < model.min_prompts else round(float(scores[i]), 6)
        evidence: dict[str, Any] = {
            "area_share": round(float(shares.max()), 4),
            "nearest_known": nearest_kind(known.take(prompts), model.sources),
            "template": template_found(features.templates[i]),
        }
        if score is None:
            verdict = INSUFFICIENT
            evidence |= {"reason": f"{len(rows)} prompts, fewer than {model.min_prompts}"}
        else:
            verdict = "extraction" if score > threshold else "organic"
            evidence |= {
                "measures": moved_most(
                    features.names, features.values[i], effects[i], model.background
                ),
                "prompts": weighed_most(
                    vectors.texts.take(pa.array(prompts)).to_pylist(), readings.wording[prompts]
                ),
            }
        yield Verdict(
            sessions[i] if by == "session" else None,
            accounts[i],
            pc.count_distinct(traffic.table["session_id"].take(rows)).as_py(),
            len(rows),
            verdict,
            score,
            threshold,
            areas.areas[int(shares.argmax())],
            evidence,
        )
