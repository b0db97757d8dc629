"""A server for the pages: on this machine alone, or with a token for others."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from ..data import InputError
from .tasks import Source
from .token import Token


def serve(
    source: Source,
    host: str = "127.0.0.1",
    port: int = 8321,
    token_file: Path | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve until it is interrupted.

    Args:
        source: the index, the model and the encoder.
        host: the address to listen on; one that others can reach requires a token.
        port: 0 for a free one.
        token_file: a file whose first line is the token; where there is none and one is required,
            it is made and said.
        say: tells a person where the pages are.

    Raises:
        InputError: what is to be served cannot be used, or nobody can listen there.
    """
    try:
        import uvicorn

        from .app import create_app
        from .guard import is_local
    except ImportError as error:
        raise InputError(
            f"{error.name} is not installed",
            "the packages that serve pages",
            "Install them with: pip install 'capscope[web]'.",
        ) from error
    token = Token.read(token_file) if token_file else None
    secret = None
    if token is None and not is_local(host):
        token, secret = Token.made()
    config = uvicorn.Config(
        create_app(source, host, token),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
    )
    with _listening(host, port) as listening:
        if secret is not None:
            say(f"The token is {secret}")
        name = f"[{host}]" if ":" in host else host
        say(f"http://{name}:{listening.getsockname()[1]}/ (stop with Ctrl-C)")
        uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise InputError(
            f"nobody can listen on {host}, port {port} ({error.strerror})",
            "an address of this machine and a free port",
            "Try another --port.",
        ) from error
