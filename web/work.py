"""Long work, in a process of its own: it takes no time from the pages, and can be killed."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

from ..data import CapscopeError
from ..embed import open_encoder
from ..index import open_index
from .tasks import TASKS, Source

log = logging.getLogger(__name__)


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
        self._process: Any = None
        self._listener: Thread | None = None

    def see(self, state: tuple[str, str]) -> None:
        """Start the tasks unless they ran, or are running, for this state."""
        if state == self._seen or (self._process is not None and self._process.is_alive()):
            return
        self._seen = state
        context = get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        self.work = Work(next(iter(TASKS)), 0, 0)
        self._process = context.Process(target=_run, args=(self._source, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._listener = Thread(target=self._listen, args=(ours,), daemon=True)
        self._listener.start()

    def stop(self) -> None:
        """End the process; what it has kept stays."""
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
        return
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
