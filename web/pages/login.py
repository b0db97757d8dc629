"""Login: the token, typed once."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ..render import page
from ..token import COOKIE, Token

router = APIRouter(include_in_schema=False)


@router.get("/login", response_class=HTMLResponse)
def ask(request: Request, after: str = "/") -> HTMLResponse:
    """Ask for the token."""
    return page(request, "login.html", after=after, wrong=False)


@router.post("/login")
async def enter(request: Request) -> Response:
    """Give a cookie to who knows the token."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    after, given = (form.get(name, [""])[0] for name in ("after", "token"))
    token: Token | None = request.app.state.token
    if token is not None and not token.is_secret(given):
        return page(request, "login.html", 401, after=after, wrong=True)
    # Only a path of this server: a browser reads //name and /\name as another one's.
    there = after if after.startswith("/") and after[1:2] not in ("/", "\\") else "/"
    answer = RedirectResponse(there, 303)
    if token is not None:
        answer.set_cookie(COOKIE, token.cookie, httponly=True, samesite="strict")
    return answer
