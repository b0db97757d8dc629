"""Groups of accounts that move together: a list of them, and one with its reasons and plots."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from ...classify.campaigns import Portrait
from ..accounts import rows_of, spread_of
from ..answers import Slice, StateOf, ViewOf
from ..drawn import drawn, why
from ..render import page
from ..state import State
from ..view import key_of

router = APIRouter()
PATTERN = r"^c-[0-9a-f]{12}(-\d{1,6})?$"
Name = Annotated[str, Path(pattern=PATTERN, description="The group's campaign_id.")]
LINKS = 40
"""Links that are told in words."""


class WantedGroups(Slice):
    """Which groups."""

    kind: Literal["", "campaign", "relay", "shared_use"] = Field("", description="Of this kind.")


class GroupRow(BaseModel):
    """A group of a list."""

    campaign_id: str
    kind: str
    experimental: bool
    label: str
    score: float | None
    threshold: float
    accounts: int
    prompts: int
    areas: dict[str, float]
    pivot: dict[str, Any] | None
    shared: list[str]


class GroupList(BaseModel):
    """A page of groups, and how many there are; `known` is false until they were looked for."""

    groups: list[GroupRow]
    total: int
    known: bool


class Group(BaseModel):
    """A group: its record with a page of its accounts, and its portrait (docs/campaigns.md)."""

    record: dict[str, Any]
    portrait: dict[str, Any]


@router.get("/campaigns", response_class=HTMLResponse, include_in_schema=False)
def show_list(
    request: Request, state: StateOf, wanted: Annotated[WantedGroups, Query()]
) -> HTMLResponse:
    """Show a list of groups."""
    return page(
        request,
        "campaigns.html",
        wanted=wanted,
        found=listed(state, wanted),
        kinds=("campaign", "relay", "shared_use"),
        link=lambda number: str(request.url.include_query_params(page=number)).partition("?")[2],
    )


@router.get("/campaigns/{name}", response_class=HTMLResponse, include_in_schema=False)
def show_one(
    request: Request, state: StateOf, view: ViewOf, name: Name, wanted: Annotated[Slice, Query()]
) -> HTMLResponse:
    """Show one group."""
    record, portrait = read(state, name)
    asked = rows_of(view, [one["account_id"] for one in record["accounts"]])
    return page(
        request,
        "campaign.html",
        one={
            "record": record,
            "portrait": portrait,
            "drawn": drawn(portrait),
            "spread": spread_of(view, asked) if asked.any() else None,
        },
        record=record,
        accounts=record["accounts"][wanted.start : wanted.start + wanted.size],
        links=[why(portrait, edge) for edge in portrait.edges[:LINKS]],
        wanted=wanted,
        key=key_of,
        to=lambda account: f"/accounts/{key_of(account)}",
        link=lambda number: f"page={number}",
    )


@router.get("/api/campaigns", tags=["campaigns"])
def campaigns(state: StateOf, wanted: Annotated[WantedGroups, Query()]) -> GroupList:
    """The groups of accounts that move together, extraction first, then the largest."""
    return listed(state, wanted)


@router.get("/api/campaigns/{name}", tags=["campaigns"])
def campaign(state: StateOf, name: Name, wanted: Annotated[Slice, Query()]) -> Group:
    """One group: what its accounts share, its links, hours, growth and turn to a model."""
    record, portrait = read(state, name)
    shown = record["accounts"][wanted.start : wanted.start + wanted.size]
    return Group(record=record | {"accounts": shown}, portrait=portrait.record())


def listed(state: State, wanted: WantedGroups) -> GroupList:
    """Return a page of groups."""
    kept = state.beside.groups()
    if kept is None:
        return GroupList(groups=[], total=0, known=False)
    some = [one for one in kept.records if wanted.kind in ("", one["kind"])]
    rows = [
        GroupRow(
            **{**one, "accounts": len(one["accounts"])},
            shared=[str(thing["what"]) for thing in one["evidence"]["shared"][:2]],
        )
        for one in some[wanted.start : wanted.start + wanted.size]
    ]
    return GroupList(groups=rows, total=len(some), known=True)


def read(state: State, name: str) -> tuple[dict[str, Any], Portrait]:
    """Return a group's record and its portrait.

    Raises:
        HTTPException: there is none of this name.
    """
    kept = state.beside.groups()
    for record, portrait in zip(kept.records, kept.portraits, strict=True) if kept else ():
        if record["campaign_id"] == name:
            return record, portrait
    raise HTTPException(404, "no such group in the index")
