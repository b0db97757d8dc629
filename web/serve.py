"""A server for the pages: on this machine alone, or with a token for others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..data import InputError
from .app import create_app
from .guard import is_local
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
    import uvicorn

    token = Token.read(token_file) if token_file else None
    app = create_app(source, host, token)
    if token is None and not is_local(host):
        token, secret = Token.made()
        app = create_app(source, host, token)
        say(f"The token is {secret}")
    config = uvicorn.Config(
        app, host, port, log_level="warning", access_log=False, server_header=False
    )
    try:
        listening = config.bind_socket()
    except SystemExit as error:
        raise InputError(
            f"the address {host}:{port}", "one that is free on this machine", "Try another --port."
        ) from error
    name = f"[{host}]" if ":" in host else host
    say(f"http://{name}:{listening.getsockname()[1]}/ (stop with Ctrl-C)")
    uvicorn.Server(config).run(sockets=[listening])
