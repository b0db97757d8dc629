"""What stands before every page: who may ask, from where, how much, and what an answer may do."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .token import Token

LARGEST = 65_536
"""Bytes of a body that are read."""
READING = {"GET", "HEAD", "OPTIONS"}
OPEN = ("/login", "/static/")
"""Paths that need no token."""
LOCAL = {"127.0.0.1", "localhost", "[::1]"}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # A page holds prompts: no browser is to keep it on a disk.
    "Cache-Control": "no-store",
}


class Guard:
    """Refuses what must not reach the pages, and says what a browser may do with an answer."""

    def __init__(self, app: ASGIApp, host: str, token: Token | None) -> None:
        """Guard `app`.

        Args:
            app: what answers.
            host: the address or name that the server is bound to.
            token: who has it is let in; everyone where None.
        """
        self._app, self._token = app, token
        self._names = LOCAL | {host.lower()}
        if not is_local(host):
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-cache"
            await send(message)

        refusal = self._refusal(scope)
        body = None
        if refusal is None and scope["method"] not in READING:
            body = await _body(Headers(scope=scope), receive)
            if body is None:
                refusal = _said(413, f"a body of more than {LARGEST:,} bytes")
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive if body is None else _replayed(body, receive), guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._is_name(headers.get("host", "")):
            return _said(421, "a host name that this server does not go by")
        if scope["method"] not in READING and not _is_same_site(headers):
            return _said(403, "a request from another site")
        path = scope["path"]
        if self._token is None or path.startswith(OPEN):
            return None
        if self._token.admits(headers.get("authorization", ""), headers.get("cookie", "")):
            return None
        if scope["method"] == "GET" and not path.startswith("/api/"):
            asked = path + ("?" + scope["query_string"].decode("latin-1")).rstrip("?")
            return RedirectResponse("/login?after=" + quote(asked, safe=""), 303)
        return _said(401, "no token, or a wrong one", {"WWW-Authenticate": "Bearer"})

    def _is_name(self, host: str) -> bool:
        """Tell whether `host` is a name of this server.

        Where it is not bound to this machine alone, any address may be its own: a site of
        somebody else that resolves to it is known by its name.
        """
        name = host.lower()
        name = name[: name.index("]") + 1] if "]" in name else name.partition(":")[0]
        if name in self._names:
            return True
        return len(self._names) > len(LOCAL) + 1 and _is_address(name.strip("[]"))


def is_local(host: str) -> bool:
    """Tell whether an address can be reached from this machine only.

    >>> is_local("127.0.0.1"), is_local("localhost"), is_local("0.0.0.0"), is_local("example.org")
    (True, True, False, False)
    """
    if host == "localhost":
        return True
    return _is_address(host) and ip_address(host).is_loopback


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_site(headers: Headers) -> bool:
    """Tell whether a request comes from a page of this server, or from no page at all."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


async def _body(headers: Headers, receive: Receive) -> bytes | None:
    """Return the whole body; None where it is too large."""
    told = headers.get("content-length", "")
    if told.isdecimal() and int(told) > LARGEST:
        return None
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > LARGEST:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay


def _said(status: int, found: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": found}, status, headers)
