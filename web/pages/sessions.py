"""Sessions: a list of them, and one with its prompts, its verdict and why."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from ...classify import MEASURES
from ...data.templates import common_runs, marked
from ..answers import Slice, StateOf, ViewOf
from ..charts import strip
from ..render import page
from ..sessions import (
    ORDERS,
    Like,
    Session,
    SessionList,
    WantedSessions,
    alike,
    listed,
    number_of,
    read,
    texts_of,
)
from ..view import LABELLED, key_of

router = APIRouter()
Key = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="The session's key.")]
REVIEWER = "reviewer"
"""The cookie that keeps the reviewer's name for the next decision."""


@router.get("/sessions", response_class=HTMLResponse, include_in_schema=False)
def show_list(
    request: Request, state: StateOf, view: ViewOf, wanted: Annotated[WantedSessions, Query()]
) -> HTMLResponse:
    """Show a list of sessions."""
    return page(
        request,
        "sessions.html",
        wanted=wanted,
        found=listed(view, wanted, state.reviews.latest()),
        areas=view.areas.areas if view.areas else [],
        labels=LABELLED,
        orders=list(ORDERS),
        link=lambda number: str(request.url.include_query_params(page=number)).partition("?")[2],
    )


@router.get("/sessions/{key}", response_class=HTMLResponse, include_in_schema=False)
def show_one(
    request: Request,
    state: StateOf,
    view: ViewOf,
    key: Key,
    wanted: Annotated[Slice, Query()],
    queue: bool = False,
) -> HTMLResponse:
    """Show one session; from the queue, where its review leads to the next."""
    one = read(view, number_of(view, key), wanted, state.reviews.all())
    texts = [prompt.text for prompt in one.prompts]
    runs = common_runs(texts_of(view, number_of(view, key)))
    likes = alike(view, number_of(view, key))
    measures = (one.evidence or {}).get("measures", [])
    placed = view.model.place(np.array([one.session.prompts]))
    background = dict(zip(MEASURES, placed.background(0), strict=True))
    return page(
        request,
        "session.html",
        one=one,
        row=one.session,
        account=key_of(one.session.account_id),
        group=state.beside.group_of(one.session.account_id),
        parts=[marked(text, runs) for text in texts],
        strips=[(m, strip(m["value"], background[m["measure"]])) for m in measures],
        shared=bool(runs),
        likes=[{**like.session.model_dump(), "similarity": like.similarity} for like in likes],
        queue=queue,
        reviewer=request.cookies.get(REVIEWER, ""),
        wanted=wanted,
        link=lambda number: f"page={number}",
    )


@router.get("/api/sessions", tags=["sessions"])
def sessions(
    state: StateOf, view: ViewOf, wanted: Annotated[WantedSessions, Query()]
) -> SessionList:
    """The sessions of the index with their verdicts."""
    return listed(view, wanted, state.reviews.latest())


@router.get("/api/sessions/{key}", tags=["sessions"])
def session(state: StateOf, view: ViewOf, key: Key, wanted: Annotated[Slice, Query()]) -> Session:
    """One session: its verdict, the evidence, its reviews and a page of its prompts."""
    return read(view, number_of(view, key), wanted, state.reviews.all())


@router.get("/api/sessions/{key}/similar", tags=["sessions"])
def similar_sessions(view: ViewOf, key: Key) -> list[Like]:
    """The ten sessions whose prompts are most like those of one."""
    return alike(view, number_of(view, key))
