"""Search: the prompts most like a text, narrowed to some senders, repeats as one."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from ...embed import Encoder
from ...index import Chosen, Filter, Match, find_matches
from ..answers import Slice, StateOf, Verdict, ViewOf
from ..render import page
from ..view import LABELLED, View

router = APIRouter()
LONGEST = 8_000
"""Characters of a text that is looked for."""
DEEPEST = 1_000
"""Most prompts that a search goes through."""


class Wanted(Slice):
    """What to look for, and among what."""

    q: str = Field("", max_length=LONGEST, description="The text.")
    size: int = Field(20, ge=1, le=200, description="Prompts of a page.")
    account: str = Field("", description="Of this account only.")
    model: str = Field("", description="Sent to this model only.")
    area: str = Field("", description="Of this capability area only.")
    verdict: Verdict | Literal[""] = Field("", description="Of sessions with this verdict only.")
    since: date | Literal[""] = Field("", description="Not before this day.")
    until: date | Literal[""] = Field("", description="Not after this day.")


class Hit(BaseModel):
    """A prompt that was found: the first row that sent it, and how many more did."""

    similarity: float
    prompt: str
    session: str
    session_id: str
    account_id: str | None
    timestamp: datetime | None
    model: str | None
    area: str | None
    verdict: str
    repeats: int
    accounts: list[str]
    account_count: int


class Found(BaseModel):
    """A page of what was found; `more` tells whether there is another."""

    hits: list[Hit]
    more: bool


@router.get("/search", response_class=HTMLResponse, include_in_schema=False)
def show(
    request: Request, state: StateOf, view: ViewOf, wanted: Annotated[Wanted, Query()]
) -> HTMLResponse:
    """Show the form and what was found."""
    found = find(view, state.encoder, wanted) if wanted.q.strip() else None
    return page(
        request,
        "search.html",
        wanted=wanted,
        found=found,
        models=view.index.senders.coded("model").values.to_pylist(),
        areas=view.areas.areas if view.areas else [],
        labels=LABELLED,
        link=lambda number: str(request.url.include_query_params(page=number)).partition("?")[2],
    )


@router.get("/api/search", tags=["search"])
def search(state: StateOf, view: ViewOf, wanted: Annotated[Wanted, Query()]) -> Found:
    """The prompts most like a text, most similar first; repeats of one are one."""
    if not wanted.q.strip():
        return Found(hits=[], more=False)
    return find(view, state.encoder, wanted)


def find(view: View, encoder: Encoder, wanted: Wanted) -> Found:
    """Return a page of the prompts most like a text.

    Raises:
        HTTPException: an area is asked for before any is known.
    """
    deepest = min(wanted.start + wanted.size + 1, DEEPEST)
    vector = encoder.encode([wanted.q])[0]
    found = find_matches(view.index, vector, deepest, choose(view, wanted))[wanted.start :]
    hits = [_hit(view, match) for match in found[: wanted.size]]
    view.index.release_texts()
    return Found(hits=hits, more=len(found) > wanted.size)


def choose(view: View, wanted: Wanted) -> Chosen:
    """Return which rows pass."""
    where = Filter(
        account=wanted.account or None,
        model=wanted.model or None,
        since=_start(wanted.since) if wanted.since else None,
        until=_start(wanted.until) + timedelta(days=1, microseconds=-1) if wanted.until else None,
    )
    chosen = where.choose(view.index)
    senders = view.index.senders
    passes = [] if chosen.rows is None else [chosen.rows]
    if wanted.verdict:
        code = LABELLED.index(wanted.verdict)
        passes.append(view.verdict[view.sessions.of] == code)
    if wanted.area:
        if view.areas is None or view.area is None:
            raise HTTPException(503, "areas are known when the encoder has been loaded")
        if wanted.area not in view.areas.areas:
            return Chosen(np.zeros(len(senders.prompt), np.bool_), np.empty(0, np.int64))
        passes.append((view.area == view.areas.areas.index(wanted.area))[senders.prompt])
    if len(passes) == (chosen.rows is not None):
        return chosen
    return Chosen.of(view.index, np.logical_and.reduce(passes))


def _hit(view: View, match: Match) -> Hit:
    session = int(view.sessions.of[match.rows[0]])
    return Hit(
        **match.record(view.index),
        session=view.keys[session],
        area=view.area_of(match.prompt),
        verdict=LABELLED[view.verdict[session]],
    )


def _start(day: date | str) -> datetime:
    assert isinstance(day, date)
    return datetime.combine(day, time(), UTC)
