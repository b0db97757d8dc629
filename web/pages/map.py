"""The map: prompts in two dimensions, and the sessions inside a drawn line."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from ...data import one_line
from ...index.senders import NEVER
from ..answers import Slice, StateOf, ViewOf
from ..beside import Mapped, named
from ..mapped import CORNERS, enclosed, inside, read_corners, shown_points
from ..plots import told
from ..render import page
from ..shown import when, word
from ..state import State
from ..view import LABELLED, View

router = APIRouter()
NAMED = 40
"""Clusters whose names a map shows."""
TEXT = 600
"""Characters of a prompt that are shown."""
Number = Annotated[int, Path(ge=0, le=2**31, description="The prompt's number in the index.")]


class WantedInside(Slice):
    """Which sessions."""

    lasso: str = Field(
        description=f"x and y of each of 3 to {CORNERS} corners, by commas.", max_length=8_192
    )


class Inside(BaseModel):
    """A session with prompts inside a line; `inside` is how many."""

    key: str
    session_id: str
    account_id: str | None
    inside: int
    label: str
    score: float | None


class InsideList(BaseModel):
    """A page of sessions, how many there are, and how many prompts the line encloses."""

    sessions: list[Inside]
    total: int
    prompts: int


class Cluster(BaseModel):
    """A cluster: its name, how many prompts, and where its middle lies."""

    name: str
    size: int
    x: float
    y: float


class Point(BaseModel):
    """A prompt: its start, the session that sent it first, and in one line what is known of it."""

    prompt: str
    key: str
    about: str


@router.get("/map", response_class=HTMLResponse, include_in_schema=False)
def show(request: Request, state: StateOf, view: ViewOf) -> HTMLResponse:
    """Show the map."""
    times = view.index.senders.time
    known = times[times < NEVER] // 1_000_000
    ends = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    return page(
        request,
        "map.html",
        known=view.areas is not None and state.beside.mapped(view) is not None,
        areas=view.areas.areas if view.areas else [],
        labels=LABELLED,
        ends=ends,
        days=[told(end)[:10] for end in ends],
    )


@router.get(
    "/api/map/points",
    tags=["map"],
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def points(state: StateOf, view: ViewOf) -> Response:
    """The points, column after column: x and y, time, number, area, verdict; 18 bytes each."""
    found = mapped_of(state, view)
    if view.area is None:
        raise HTTPException(404, "areas are not known yet")
    shown = shown_points(
        view.index, found.positions, view.area.astype(np.int64), view.sessions, view.verdict
    )
    return Response(shown.to_bytes(), media_type="application/octet-stream")


@router.get("/api/map/clusters", tags=["map"])
def clusters(state: StateOf, view: ViewOf) -> list[Cluster]:
    """The largest clusters, by name and place."""
    return [Cluster(**one) for one in named(mapped_of(state, view), NAMED)]


@router.get("/api/map/prompts/{number}", tags=["map"])
def prompt(view: ViewOf, number: Number) -> Point:
    """One prompt of the map."""
    if number >= len(view.index):
        raise HTTPException(404, "no such prompt in the index")
    row = view.index.senders.of(number)[0]
    session = int(view.sessions.of[row])
    record = view.table.slice(session, 1).to_pylist()[0]
    about = [view.area_of(number) or "–", LABELLED[view.verdict[session]], when(record["first"])]
    return Point(
        prompt=one_line(view.index.text(number), TEXT),
        key=record["key"],
        about=" · ".join(map(word, about)),
    )


@router.get("/api/map/sessions", tags=["map"])
def sessions(state: StateOf, view: ViewOf, wanted: Annotated[WantedInside, Query()]) -> InsideList:
    """The sessions that sent the prompts inside a line, those with most of them first."""
    try:
        corners = read_corners(wanted.lasso)
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    places = mapped_of(state, view).positions.points
    within = np.zeros(len(view.index), dtype=bool)
    within[: len(places)] = inside(places, corners)
    found, counts = enclosed(view.index, view.sessions, within)
    part = slice(wanted.start, wanted.start + wanted.size)
    rows = view.table.take(found[part]).to_pylist()
    verdicts = [LABELLED[place] for place in view.verdict[found[part]]]
    return InsideList(
        sessions=[
            Inside(**{**row, "label": label, "inside": count})
            for row, label, count in zip(rows, verdicts, counts[part].tolist(), strict=True)
        ],
        total=len(found),
        prompts=int(within.sum()),
    )


def mapped_of(state: State, view: View) -> Mapped:
    """Return the map.

    Raises:
        HTTPException: there is none yet.
    """
    found = state.beside.mapped(view)
    if found is None:
        raise HTTPException(404, "the map is not made yet")
    return found
