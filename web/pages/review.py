"""Review: the queue, a decision, and the labels that follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from pydantic import BaseModel, Field, ValidationError

from ...data import json_line
from ..answers import Slice, StateOf, ViewOf
from ..queue import left, waiting
from ..render import page
from ..reviews import Decision, Review, label_of, now
from ..sessions import SessionRow, number_of, row_of
from ..state import State
from ..view import View, key_of
from .sessions import REVIEWER

router = APIRouter()


class Deciding(BaseModel):
    """A decision on the verdict of a session."""

    session: str = Field(pattern="^[0-9a-f]{16}$", description="The session's key.")
    decision: Decision
    reviewer: str = Field(min_length=1, max_length=100, description="Who decides.")
    note: str = Field("", max_length=4_000)


class Waiting(SessionRow):
    """A session that waits; `margin` is its distance from the threshold in log-odds."""

    margin: float


class Queue(BaseModel):
    """A page of the sessions that nobody has reviewed, and how many there are."""

    sessions: list[Waiting]
    total: int


class Reviewed(BaseModel):
    """A review."""

    session: str
    session_id: str
    account_id: str | None
    decision: str
    label: str
    verdict: str
    score: float
    model: str
    note: str
    reviewer: str
    time: str


class ReviewList(BaseModel):
    """A page of reviews, the newest first, and how many there are."""

    reviews: list[Reviewed]
    total: int


@router.get("/review", response_class=HTMLResponse, include_in_schema=False)
def show(
    request: Request, state: StateOf, view: ViewOf, wanted: Annotated[Slice, Query()]
) -> HTMLResponse:
    """Show the queue and the last reviews."""
    return page(
        request,
        "review.html",
        queue=queued(state, view, wanted),
        done=reviewed(state, Slice(page=1, size=10)),
        wanted=wanted,
        link=lambda number: f"page={number}",
    )


@router.post("/review", include_in_schema=False)
async def decide_by_form(request: Request, state: StateOf, view: ViewOf) -> Response:
    """Take a decision from a page, and go on to the next session or back to this one."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    try:
        deciding = Deciding(**{name: values[0] for name, values in form.items()})  # type: ignore[arg-type]
    except ValidationError as error:
        told = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise HTTPException(422, told) from error
    decide(state, view, deciding)
    following = waiting(view, state.reviews, 0, 1)
    there = f"/sessions/{deciding.session}#reviews"
    if form.get("then", [""])[0] == "next" and following:
        there = f"/sessions/{following[0]['key']}?queue=1"
    answer = RedirectResponse(there, 303)
    name = deciding.reviewer.encode("ascii", "ignore").decode()
    answer.set_cookie(REVIEWER, name, httponly=True, samesite="strict", max_age=30 * 86_400)
    return answer


@router.get("/api/queue", tags=["review"])
def queue(state: StateOf, view: ViewOf, wanted: Annotated[Slice, Query()]) -> Queue:
    """The sessions that nobody has reviewed, the most informative first."""
    return queued(state, view, wanted)


@router.get("/api/reviews", tags=["review"])
def reviews(state: StateOf, wanted: Annotated[Slice, Query()]) -> ReviewList:
    """Every review, the newest first."""
    return reviewed(state, wanted)


@router.post("/api/reviews", tags=["review"], status_code=201)
def decide_by_json(state: StateOf, view: ViewOf, deciding: Deciding) -> Reviewed:
    """Add a review. None is ever changed; the last one of a session counts."""
    return shown(decide(state, view, deciding))


@router.get("/api/labels", tags=["review"], response_class=StreamingResponse)
def labels(state: StateOf) -> StreamingResponse:
    """A labels file for `capscope train --labels`: JSON lines, one per session."""
    lines: Iterator[str] = (json_line(row) for row in state.reviews.labels())
    headers = {"Content-Disposition": 'attachment; filename="labels.jsonl"'}
    return StreamingResponse(lines, media_type="application/jsonl", headers=headers)


def decide(state: State, view: View, deciding: Deciding) -> Review:
    """Keep a decision.

    Raises:
        HTTPException: there is no such session, or it has no verdict to decide on.
    """
    (record,) = view.table.slice(number_of(view, deciding.session), 1).to_pylist()
    if record["score"] is None:
        raise HTTPException(409, "the session has no verdict, or too few prompts for one")
    review = Review(
        record["session_id"],
        record["account_id"],
        deciding.decision,
        label_of(record["label"], deciding.decision),
        record["label"],
        record["score"],
        view.model_name,
        deciding.note.strip(),
        deciding.reviewer.strip(),
        now(),
    )
    state.reviews.add(review)
    return review


def queued(state: State, view: View, wanted: Slice) -> Queue:
    """Return a page of the queue."""
    records = waiting(view, state.reviews, wanted.start, wanted.size)
    return Queue(
        sessions=[
            Waiting(**row_of(record, {}).model_dump(), margin=round(record["margin"], 3))
            for record in records
        ],
        total=left(view, state.reviews),
    )


def reviewed(state: State, wanted: Slice) -> ReviewList:
    """Return a page of the reviews."""
    every = state.reviews.all()
    newest = every[::-1][wanted.start : wanted.start + wanted.size]
    return ReviewList(reviews=[shown(review) for review in newest], total=len(every))


def shown(review: Review) -> Reviewed:
    """Return a review with its session's key."""
    fields: dict[str, Any] = {
        name: getattr(review, name) for name in Reviewed.model_fields if name != "session"
    }
    return Reviewed(session=key_of(review.account_id, review.session_id), **fields)
