"""Accounts: a list of them, and one with its coverage, its hours and its sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from ..accounts import COLUMNS, Accounts, Order, hours_of, rows_of, spread_of
from ..answers import Slice, StateOf, ViewOf
from ..plots import week
from ..render import page
from ..sessions import WantedSessions, listed

router = APIRouter()
Key = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="The account's key.")]


class WantedAccounts(Slice):
    """Which accounts, in which order."""

    order: Order = Field("score", description="The highest first.")


class AccountRow(BaseModel):
    """An account of a list.

    `score` is the highest of its sessions, `certainty` how firmly it belongs to `group`, `depth`
    and `percentile` are of its coverage.
    """

    account_id: str
    key: str
    sessions: int
    prompts: int
    flagged: int
    score: float | None
    last: datetime | None
    depth: float | None
    percentile: float | None
    area: str | None
    group: str | None
    certainty: float | None


class AccountList(BaseModel):
    """A page of accounts, and how many there are."""

    accounts: list[AccountRow]
    total: int


class Account(BaseModel):
    """An account with its coverage record; `hours` counts its prompts from Monday 0 h UTC on."""

    account: AccountRow
    coverage: dict[str, Any] | None
    hours: list[int]


@router.get("/accounts", response_class=HTMLResponse, include_in_schema=False)
def show_list(
    request: Request, state: StateOf, view: ViewOf, wanted: Annotated[WantedAccounts, Query()]
) -> HTMLResponse:
    """Show a list of accounts."""
    found = state.beside.accounts(view)
    return page(
        request,
        "accounts.html",
        wanted=wanted,
        accounts=found.ordered(wanted.order, wanted.start, wanted.size),
        total=found.table.num_rows,
        orders=list(COLUMNS),
        link=lambda number: str(request.url.include_query_params(page=number)).partition("?")[2],
    )


@router.get("/accounts/{key}", response_class=HTMLResponse, include_in_schema=False)
def show_one(
    request: Request, state: StateOf, view: ViewOf, key: Key, wanted: Annotated[Slice, Query()]
) -> HTMLResponse:
    """Show one account."""
    row, coverage = read(state.beside.accounts(view), key)
    asked = rows_of(view, [row["account_id"]])
    hours = hours_of(view, asked)
    chosen = WantedSessions.model_validate({"account": row["account_id"], **wanted.model_dump()})
    return page(
        request,
        "account.html",
        row=row,
        coverage=coverage,
        spread=spread_of(view, asked),
        week=week(hours) if any(hours) else None,
        rest=week(hours_of(view, ~asked)),
        sessions=listed(view, chosen, state.reviews.latest()).sessions,
        wanted=wanted,
        link=lambda number: f"page={number}",
    )


@router.get("/api/accounts", tags=["accounts"])
def accounts(
    state: StateOf, view: ViewOf, wanted: Annotated[WantedAccounts, Query()]
) -> AccountList:
    """The accounts of the index with their sessions' verdicts, their group and their coverage."""
    found = state.beside.accounts(view)
    rows = found.ordered(wanted.order, wanted.start, wanted.size)
    return AccountList(accounts=[AccountRow(**row) for row in rows], total=found.table.num_rows)


@router.get("/api/accounts/{key}", tags=["accounts"])
def account(state: StateOf, view: ViewOf, key: Key) -> Account:
    """One account: its coverage against the background, and its hours."""
    row, coverage = read(state.beside.accounts(view), key)
    hours = hours_of(view, rows_of(view, [row["account_id"]]))
    return Account(account=AccountRow(**row), coverage=coverage, hours=hours)


def read(found: Accounts, key: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return the row of an account and its coverage.

    Raises:
        HTTPException: there is none of this key.
    """
    number = found.number.get(key)
    if number is None:
        raise HTTPException(404, "no such account in the index")
    row: dict[str, Any] = found.table.slice(number, 1).to_pylist()[0]
    return row, found.coverage.get(row["account_id"])
