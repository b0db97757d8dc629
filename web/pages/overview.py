"""Overview: how much came when, of what, and what waits for a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from ..answers import StateOf, ViewOf
from ..charts import HEIGHT, WIDTH
from ..glance import areas_of, sessions_of, volume_of
from ..queue import waiting
from ..render import page
from ..state import State
from ..view import LABELLED, View

router = APIRouter()
SHOWN = 6
"""Sessions of the queue that the overview shows."""
NEWEST = 5
"""Campaigns that it shows."""


class Working(BaseModel):
    """A task that goes on."""

    task: str
    done: int
    total: int


class Status(BaseModel):
    """What the server shows, and what it works on."""

    index: str
    model: str
    prompts: int
    distinct: int
    sessions: int
    judged: int
    work: Working | None


class Bar(BaseModel):
    """Prompts of one span of time by the verdict on their sessions."""

    start: Any
    prompts: dict[str, int]


class Summary(BaseModel):
    """The traffic at a glance."""

    status: Status
    sessions: dict[str, int]
    step_seconds: int
    volume: list[Bar]
    areas: dict[str, dict[str, int]]


@router.get("/", response_class=HTMLResponse, include_in_schema=False)
def overview(request: Request, state: StateOf, view: ViewOf) -> HTMLResponse:
    """Show the overview."""
    over_time, areas = volume_of(view), areas_of(view)
    return page(
        request,
        "overview.html",
        status=status_of(state, view),
        sessions=sessions_of(view),
        volume=over_time,
        frame=(WIDTH, HEIGHT),
        labels=LABELLED,
        areas=areas,
        most=max((sum(row.values()) for row in areas.values()), default=1),
        queue=waiting(view, state.reviews, 0, SHOWN),
        reviewed=len(state.reviews.latest()),
        campaigns=state.beside.newest(NEWEST),
        looked=state.beside.groups() is not None,
    )


@router.get("/api/status", tags=["overview"])
def status(state: StateOf, view: ViewOf) -> Status:
    """What the server shows now, and what it works on."""
    return status_of(state, view)


@router.get("/api/overview", tags=["overview"])
def summary(state: StateOf, view: ViewOf) -> Summary:
    """Volume over time, areas and verdicts."""
    over_time = volume_of(view)
    return Summary(
        status=status_of(state, view),
        sessions=sessions_of(view),
        step_seconds=over_time.step,
        volume=[Bar(**record) for record in over_time.records()],
        areas=areas_of(view),
    )


def status_of(state: State, view: View) -> Status:
    """Return what a server shows and does."""
    work = state.work
    return Status(
        index=view.commit,
        model=view.model_name,
        prompts=len(view.sessions.of),
        distinct=len(view.index),
        sessions=len(view.sessions),
        judged=view.judged,
        work=Working(**asdict(work)) if work else None,
    )
