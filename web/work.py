"""Long work, in a process of its own: it takes no time from the pages, and can be killed."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from time import monotonic
from typing import Any

from ..data import CapscopeError
from ..embed import open_encoder
from ..index import open_index
from .tasks import TASKS, Source

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds after which tasks that failed are tried again."""


@dataclass(frozen=True, slots=True)
class Work:
    """How far a task is."""

    task: str
    done: int
    total: int


class Worker:
    """Runs the tasks once for each state of the index and the model, one process at a time."""

    def __init__(self, source: Source) -> None:
        """Work on `source`; nothing starts before `see`."""
        self.work: Work | None = None
        self._source = source
        self._seen: tuple[str, str] | None = None
        self._began = 0.0
        self._process: Any = None
        self._listener: Thread | None = None

    def see(self, state: tuple[str, str]) -> None:
        """Start the tasks unless they ran, or are running, for this state."""
        if self._process is not None:
            if self._process.is_alive():
                return
            # It may have met another server at the same work, or a folder that was away.
            failed = self._process.exitcode != 0 and monotonic() - self._began > AGAIN
            if state == self._seen and not failed:
                return
        self.stop()
        self._seen, self._began = state, monotonic()
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        self.work = Work(next(iter(TASKS)), 0, 0)
        self._process = context.Process(target=_run, args=(self._source, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._listener = Thread(target=self._listen, args=(ours,), daemon=True)
        self._listener.start()

    def stop(self) -> None:
        """End the process, if there is one; what it has kept stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.join()
        if self._listener is not None:
            self._listener.join()

    def _listen(self, pipe: Connection[Any, Any]) -> None:
        with pipe:
            try:
                while True:
                    self.work = pipe.recv()
            except EOFError:
                self.work = None


def _run(source: Source, pipe: Connection[Any, Any]) -> None:
    """Run every task; its parent's end ends it too. One that cannot be done hinders no other."""
    os.nice(10)
    parent = os.getppid()
    try:
        index = open_index(source.index)
        encoder = open_encoder(source.weights, source.cache)
    except CapscopeError as error:
        log.warning("%s", error)
        raise SystemExit(1) from error
    failed = False
    for name, task in TASKS.items():

        def tell(done: int, total: int, name: str = name) -> None:
            if os.getppid() != parent:
                raise SystemExit(1)
            pipe.send(Work(name, done, total))

        tell(0, 0)
        try:
            task(source, index, encoder, tell)
        except CapscopeError as error:
            log.warning("%s", error)
            failed = True
    if failed:
        raise SystemExit(1)
