"""What a server holds: the newest view of an index, kept new by a thread and a worker beside it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..classify import load_model, model_folder, read_judged
from ..classify.judged import FOLDER
from ..data import CapscopeError, FolderError, seal
from ..embed import open_encoder
from ..index import AreaMap
from .beside import Beside
from .reviews import Reviews
from .tasks import Source
from .view import View, open_view
from .work import Work, Worker

log = logging.getLogger(__name__)

LOOKED = 1.0
"""Seconds between two looks for a new commit."""


class State:
    """The newest view, the reviews, and the work that goes on."""

    def __init__(self, source: Source) -> None:
        """Open everything once, so that a mistake is told before a server starts.

        Raises:
            InputError: the index, the model or the encoder cannot be used together.
        """
        self.source = source
        self.encoder = open_encoder(source.weights, source.cache)
        self.reviews = Reviews(source.index)
        self.beside = Beside(source.index)
        self._verdicts = ""
        self.view = self._opened()
        self.view.index.check_encoder(self.encoder)
        self.view.model.check_encoder(self.encoder)
        self.worker = Worker(source)
        self._areas: AreaMap | None = None
        self._stop = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def work(self) -> Work | None:
        """What is being worked on; None where nothing is."""
        return self.worker.work

    def start(self) -> None:
        """Keep the view new, in a thread."""
        self._stop.clear()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """End the thread and the worker."""
        self._stop.set()
        self.worker.stop()
        if self._keeper is not None:
            self._keeper.join()

    def _keep(self) -> None:
        steps: list[Callable[[], None]] = [self._work, self._place, self._look]
        while not self._stop.is_set():
            for step in steps:
                try:
                    step()
                except CapscopeError as error:
                    # A writer may be between two commits, or the folder be gone for a while.
                    log.warning("%s", error)
                except Exception:
                    # The pages go on with what they have.
                    log.exception("a look for a new commit failed")
            self._stop.wait(LOOKED)

    def _place(self) -> None:
        if self._areas is None:
            self.view.warm()
            self._areas = AreaMap.embedded(self.encoder)
        if self.view.cell is None:
            self.view = self.view.placed(self._areas, None)

    def _work(self) -> None:
        self.worker.see((self.view.commit, self.view.model_name))

    def _look(self) -> None:
        """Take up a new commit, a new model, or new verdicts."""
        view = self.view
        commit, model = seal(self.source.index), seal(model_folder(self.source.model))
        if (commit, model) != (view.commit, view.model_name):
            fresh = self._opened()
            fresh = fresh if self._areas is None else fresh.placed(self._areas, view)
            fresh.warm()
            self.view = fresh
            return
        kept = self.source.index / FOLDER
        try:
            state = seal(kept)
        except FolderError:
            return
        if state != self._verdicts:
            self._verdicts = state
            judged = view.judged_by(read_judged(self.source.index))
            judged.warm()
            self.view = judged

    def _opened(self) -> View:
        folder = model_folder(self.source.model)
        self._verdicts = ""
        return open_view(self.source.index, load_model(folder), seal(folder))
