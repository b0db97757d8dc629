"""What routes give back, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from ..data import json_line
from .render import page
from .state import State
from .view import View

PER_PAGE = 50
Verdict = Literal["organic", "extraction", "insufficient_evidence", "unjudged"]
"""What a list can be narrowed to; as `LABELLED`."""


class JSON(JSONResponse):
    """JSON that is safe to show on a terminal."""

    def render(self, content: Any) -> bytes:  # noqa: ANN401
        """Return the answer's bytes."""
        return json_line(content).encode()


class Slice(BaseModel):
    """Which part of a list is asked for."""

    page: int = Field(1, ge=1, le=1_000_000, description="Counted from 1.")
    size: int = Field(PER_PAGE, ge=1, le=500, description="Records of a page.")

    @property
    def start(self) -> int:
        """How many records come before."""
        return (self.page - 1) * self.size


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


def held(request: Request) -> State:
    """Return the server's state."""
    state: State = request.app.state.held
    return state


def newest(request: Request) -> View:
    """Return the newest view; a request keeps to the one that it began with."""
    return held(request).view


StateOf = Annotated[State, Depends(held)]
ViewOf = Annotated[View, Depends(newest)]


def problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Say what is wrong: as JSON under /api/, as a page elsewhere."""
    if request.url.path.startswith("/api/"):
        return JSON({"detail": detail}, status, headers)
    answer = page(request, "problem.html", status, detail=detail)
    answer.headers.update(headers or {})
    return answer
