"""Sessions as the pages tell them: a list, one with its prompts, and those like it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from fastapi import HTTPException
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from ..classify import sample
from ..index import NEVER, nearest
from .answers import Slice, Verdict
from .reviews import Review
from .view import View

ASKED, NEAR = 8, 40
"""Prompts of a session that are looked for in others, and how many each finds."""
LIKE = 0.5
"""The lowest cosine similarity of prompts that make sessions alike."""
READ = 256
"""Prompts that a template is found in."""
ORDERS = {
    "score": "score DESC NULLS LAST",
    "prompts": "prompts DESC",
    "newest": "last DESC NULLS LAST",
}


class WantedSessions(Slice):
    """Which sessions, and in which order."""

    verdict: Verdict | Literal[""] = Field("", description="With this verdict only.")
    account: str = Field("", description="Of this account only.")
    area: str = Field("", description="With most prompts in this capability area.")
    order: Literal["score", "prompts", "newest"] = Field("score", description="The first first.")


class SessionRow(BaseModel):
    """A session of a list."""

    key: str
    session_id: str
    account_id: str | None
    model: str | None
    prompts: int
    first: datetime | None
    last: datetime | None
    verdict: str
    score: float | None
    threshold: float | None
    area: str | None
    review: str | None


class SessionList(BaseModel):
    """A page of sessions, and how many there are."""

    sessions: list[SessionRow]
    total: int


class Prompt(BaseModel):
    """A prompt of a session; `gap` is in seconds since the one before."""

    position: int
    timestamp: datetime | None
    gap: float | None
    model: str | None
    area: str | None
    text: str


class Decided(BaseModel):
    """What a person decided."""

    decision: str
    label: str
    note: str
    reviewer: str
    time: str


class Session(BaseModel):
    """A session with a page of its prompts."""

    session: SessionRow
    evidence: dict[str, Any] | None
    prompts: list[Prompt]
    reviews: list[Decided]


class Like(BaseModel):
    """A session that is like another: how many of its prompts are near, and how near."""

    session: SessionRow
    prompts: int
    similarity: float


def number_of(view: View, key: str) -> int:
    """Return the number of a session by its key.

    Raises:
        HTTPException: there is none.
    """
    if key not in view.number:
        raise HTTPException(404, "no such session in the index")
    return view.number[key]


def listed(
    view: View, wanted: WantedSessions, latest: dict[tuple[str | None, str], Review]
) -> SessionList:
    """Return a page of the sessions that pass."""
    where = """
        FROM sessions WHERE ($verdict = '' OR coalesce(label, 'unjudged') = $verdict)
        AND ($account = '' OR account_id = $account) AND ($area = '' OR area = $area)
    """
    passes = {"verdict": wanted.verdict, "account": wanted.account, "area": wanted.area}
    (count,) = view.ask(f"SELECT count(*) AS total {where}", **passes)
    records = view.ask(
        f"SELECT * {where} ORDER BY {ORDERS[wanted.order]}, number LIMIT $size OFFSET $start",
        size=wanted.size,
        start=wanted.start,
        **passes,
    )
    return SessionList(
        sessions=[row_of(record, latest) for record in records], total=count["total"]
    )


def row_of(record: dict[str, Any], latest: dict[tuple[str | None, str], Review]) -> SessionRow:
    """Return a record of the table `sessions` as a row."""
    review = latest.get((record["account_id"], record["session_id"]))
    return SessionRow(
        **{name: record[name] for name in SessionRow.model_fields if name in record},
        verdict=record["label"] or "unjudged",
        review=review.label if review else None,
    )


def read(view: View, number: int, wanted: Slice, reviews: list[Review]) -> Session:
    """Return a session with a page of its prompts."""
    (record,) = view.table.slice(number, 1).to_pylist()
    latest = {(review.account_id, review.session_id): review for review in reviews}
    who = record["account_id"], record["session_id"]
    evidence = record["evidence"]
    return Session(
        session=row_of(record, latest),
        evidence=None if evidence is None else json.loads(evidence),
        prompts=prompts_of(view, number, wanted),
        reviews=[
            Decided(**{name: getattr(review, name) for name in Decided.model_fields})
            for review in reviews
            if (review.account_id, review.session_id) == who
        ],
    )


def prompts_of(view: View, number: int, wanted: Slice) -> list[Prompt]:
    """Return a page of a session's prompts, in time order."""
    senders = view.index.senders
    rows = rows_of(view, number)
    shown = range(wanted.start, min(wanted.start + wanted.size, len(rows)))
    model = senders.coded("model")
    times = [None if t == NEVER else t / 1e6 for t in senders.time[rows].tolist()]
    prompts = []
    for place in shown:
        time, before = times[place], times[place - 1] if place else None
        prompt = int(senders.prompt[rows[place]])
        prompts.append(
            Prompt(
                position=place + 1,
                timestamp=None if time is None else datetime.fromtimestamp(time, UTC),
                gap=None if time is None or before is None else time - before,
                model=model[int(rows[place])],
                area=view.area_of(prompt),
                text=view.index.text(prompt),
            )
        )
    return prompts


def texts_of(view: View, number: int) -> list[str]:
    """Return a session's prompts, at most `READ` of them, evenly spaced."""
    rows = sample(rows_of(view, number), READ)
    return [view.index.text(int(prompt)) for prompt in view.index.senders.prompt[rows]]


def rows_of(view: View, number: int) -> NDArray[np.int64]:
    """Return the rows of a session, in time order."""
    groups = view.sessions.groups
    return groups.rows[groups.starts[number] : groups.starts[number + 1]]


def alike(view: View, number: int, most: int = 10) -> list[Like]:
    """Return the sessions whose prompts are most like those of one.

    Some prompts of the session are looked for among those of others. A session is the more alike,
    the more of them it answers and the nearer.
    """
    senders = view.index.senders
    asked = np.unique(senders.prompt[sample(rows_of(view, number), ASKED)])
    near: dict[int, list[float]] = {}
    for prompt in asked.tolist():
        best: dict[int, float] = {}
        for similarity, found in zip(
            *nearest(view.index, view.index.vector(prompt), NEAR), strict=True
        ):
            for session in np.unique(view.sessions.of[senders.of(int(found))]).tolist():
                if similarity >= LIKE and session != number:
                    best.setdefault(session, float(similarity))
        for session, similarity in best.items():
            near.setdefault(session, []).append(similarity)
    order = sorted(near, key=lambda session: (-sum(near[session]), session))[:most]
    records = view.table.take(pa.array(order, pa.int64())).to_pylist()
    return [
        Like(
            session=row_of(record, {}),
            prompts=len(near[session]),
            similarity=round(sum(near[session]) / len(near[session]), 4),
        )
        for session, record in zip(order, records, strict=True)
    ]
