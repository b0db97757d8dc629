"""The application: pages and API over one state, behind the guard."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from ..data import FolderError, InputError
from .answers import JSON, problem
from .guard import HEADERS, Guard
from .pages import NAVIGATION, ROUTERS
from .state import State
from .tasks import Source
from .token import Token

log = logging.getLogger(__name__)


def create_app(source: Source, host: str = "127.0.0.1", token: Token | None = None) -> FastAPI:
    """Return the application; its work begins when a server starts it.

    Args:
        source: the index, the model and the encoder.
        host: the address or name that it is bound to, which requests must name.
        token: who has it may read; everyone where None.

    Raises:
        InputError: the index, the model or the encoder cannot be used together.
    """
    state = State(source)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        state.start()
        yield
        state.stop()

    app = FastAPI(
        title="capscope",
        version=version("capscope"),
        lifespan=running,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        default_response_class=JSON,
    )
    app.state.held = state
    app.state.token = token
    app.state.navigation = NAVIGATION
    for router in ROUTERS:
        app.include_router(router)
    static = str(files(__package__).joinpath("static"))
    app.mount("/static", StaticFiles(directory=static), name="static")
    app.add_middleware(Guard, host=host, token=token)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return problem(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(request: Request, error: RequestValidationError) -> Response:
        told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        return problem(request, 422, "; ".join(told))

    @app.exception_handler(FolderError)
    async def unusable(request: Request, error: FolderError) -> Response:
        # The message names a folder: it is for the one who runs the server.
        log.error("%s", error)
        return problem(request, 503, "the index cannot be read or written now")

    @app.exception_handler(InputError)
    async def mistaken(request: Request, error: InputError) -> Response:
        return problem(request, 400, f"{error.found}; expected {error.expected}")

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        # This answer is made outside of the guard.
        answer = problem(request, 500, "a mistake of ours; the server's log names it")
        answer.headers.update(HEADERS)
        return answer

    return app
