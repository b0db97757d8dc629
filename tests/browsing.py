"""A server in a thread, and a Chromium that looks at it."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Request, sync_playwright

from capscope.web import Source
from capscope.web.app import create_app

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "No Chromium was found. Install one (Debian: apt-get install chromium), name it in "
    "CAPSCOPE_CHROMIUM, or leave these tests out: PYTEST_ADDOPTS='-m \"not browser\"'."
)


@contextmanager
def serving(source: Source) -> Iterator[str]:
    """Serve an index while the block runs; yield where."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        app = create_app(source)
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        end = monotonic() + 30
        while not server.started:
            assert monotonic() < end, "the server did not start"
            sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; there is no skipping where there is none."""
    named = os.environ.get("CAPSCOPE_CHROMIUM")
    path = named or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail(MISSING, pytrace=False)
    # Root may start Chromium only without its sandbox.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    # The map is drawn by WebGL, here without a graphics card.
    args = ["--enable-unsafe-swiftshader", *sandbox]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


class Watch:
    """What must not happen on any page: errors, and requests to another host."""

    def __init__(self, page: Page, base: str) -> None:
        self.problems: list[str] = []
        self.base = base
        page.on("console", lambda m: self.note(m.type in ("error", "warning"), m.text))
        page.on("pageerror", lambda error: self.note(True, str(error)))
        page.on("request", self.see)
        page.on("response", lambda r: self.note(r.status >= 400, f"{r.status} {r.url}"))

    def see(self, request: Request) -> None:
        self.note(not request.url.startswith(self.base + "/"), f"asked {request.url}")

    def note(self, bad: bool, what: str) -> None:
        # Drawing in software tells how slow it is to take a picture of it.
        if bad and "GL Driver Message" not in what:
            self.problems.append(what)


@contextmanager
def looking(browser: Browser, base: str, dark: bool = False, phone: bool = False) -> Iterator[Page]:
    """Open a page of the site; at its end nothing may have gone wrong."""
    context = browser.new_context(
        base_url=base,
        viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 860},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    watch = Watch(page, base)
    yield page
    context.close()
    assert watch.problems == []


def go(page: Page, path: str) -> None:
    """Open a page, once the server knows the areas."""
    page.goto(path)
    while page.get_by_text("The encoder is being loaded").count():
        page.wait_for_timeout(200)
        page.reload()


def pictures(tmp_path: Path) -> Path:
    """Where the pictures of the README go: `make pictures` names the folder."""
    return Path(os.environ.get("CAPSCOPE_PICTURES", tmp_path))
