"""A model: everything that turns vectors of traffic into scores, and its folder on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import FolderError, InputError, commit, npy_bytes, open_folder
from ..embed import Encoder, comparable
from .head import Head
from .known import Known
from .levels import LONG, Level, Placed, beginning
from .measures import MEASURES
from .parts import Parts
from .passes import Route
from .subjects import Subjects
from .words import WordHead

KIND = "capscope model"
LAYOUT = 7
"""Raise it when what the files hold changes; `load_model` refuses other numbers by name."""


@dataclass(frozen=True, slots=True)
class SessionModel:
    """A trained model.

    Attributes:
        encoder: fingerprint of the encoder that it reads vectors of.
        min_prompts: sessions of fewer get `insufficient_evidence`.
        max_fpr: the false-positive rate promised unless another is asked for.
        parts: what it learned from single prompts.
        subjects: guesses areas from words.
        known: prompts of each kind that it learned from.
        sources: the names of the known prompts' sources, by their numbers.
        short: what judges sessions and accounts of fewer than `LONG` prompts.
        long: what judges the others; None where it did not learn from such.
        trained_on: `session_hashes` of the sessions it learned from, ascending uint64.
        card: what it is, in Markdown.
    """

    encoder: str
    min_prompts: int
    max_fpr: float
    parts: Parts
    subjects: Subjects
    known: Known
    sources: list[str]
    short: Level
    long: Level | None
    trained_on: NDArray[np.uint64]
    card: str

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise `InputError` unless `encoder` is the one that the model reads, in any precision."""
        if not comparable(encoder.fingerprint, self.encoder):
            raise InputError(
                f"the encoder {encoder.fingerprint}",
                f"the model's own, {self.encoder}",
                "Name its weights with --weights, or train a model with this encoder.",
            )

    def route(self, max_fpr: float | None = None, exact: bool = False) -> Route:
        """Return how sessions come to verdicts that keep a promised rate of false positives.

        Raises:
            InputError: the promise cannot be kept.
        """
        return self.short.scores.route(self.max_fpr if max_fpr is None else max_fpr, exact)

    def place(
        self, sizes: NDArray[np.int64], max_fpr: float | None = None, exact: bool = False
    ) -> Placed:
        """Find what judges sessions of these sizes (sessions,), for a promise as in `route`.

        Long ones are judged as all others where too few are behind the model to carry the promise.

        Raises:
            InputError: the promise cannot be kept.
        """
        short = self.route(max_fpr, exact)
        if self.long is not None:
            try:
                long = self.long.scores.route(self.max_fpr if max_fpr is None else max_fpr, exact)
            except InputError:
                pass
            else:
                of = (sizes >= LONG).astype(np.int64)
                return Placed((self.short, self.long), (short, long), of)
        return Placed((self.short,), (short,), np.zeros(len(sizes), dtype=np.int64))


def save_model(model: SessionModel, folder: Path) -> None:
    """Write a model's folder in one step; see `data.folder`."""
    head, words, known = model.parts.head, model.parts.words, model.known
    long = model.long.arrays() if model.long else {}
    arrays = {
        "head": np.append(head.weights, head.bias),
        "words": words.weights,
        "words-bias": np.array([words.bias]),
        "subjects": model.subjects.weights,
        "subjects-bias": model.subjects.bias,
        "known": known.vectors,
        "known-kinds": known.kind.astype(np.int8),
        "known-sources": known.source.astype(np.int32),
        "trained-on": model.trained_on,
        **model.short.arrays(),
        **{f"long-{name}": array for name, array in long.items()},
    }
    content = {f"{name}.npy": npy_bytes(array) for name, array in arrays.items()}
    about: Mapping[str, Any] = {
        "encoder": model.encoder,
        "min_prompts": model.min_prompts,
        "max_fpr": model.max_fpr,
        "measures": list(MEASURES),
        "sources": model.sources,
    }
    commit(folder, KIND, LAYOUT, about, {**content, "card.md": model.card.encode()})


def model_folder(folder: Path | None) -> Path:
    """Return `folder`, or that of the shipped model where it is None."""
    return folder or Path(str(files(__package__).joinpath("models", "default")))


def load_model(folder: Path | None = None) -> SessionModel:
    """Load a model folder, or the shipped one, without running anything in it.

    Raises:
        FolderError: it is not a whole model folder of this version; nothing of it is used.
    """
    folder = model_folder(folder)
    opened = open_folder(folder, KIND, LAYOUT)
    try:
        if opened.about["measures"] != list(MEASURES):
            raise ValueError("its measures are not this version's")
        arrays = {
            Path(name).stem: np.load(path, allow_pickle=False)
            for name, path in opened.files.items()
            if name.endswith(".npy")
        }
        long = beginning(arrays, "long")
        return SessionModel(
            str(opened.about["encoder"]),
            int(opened.about["min_prompts"]),
            float(opened.about["max_fpr"]),
            Parts(
                Head(arrays["head"][:-1], float(arrays["head"][-1])),
                WordHead(arrays["words"], float(arrays["words-bias"][0])),
            ),
            Subjects(arrays["subjects"], arrays["subjects-bias"]),
            Known(
                arrays["known"],
                arrays["known-kinds"].astype(np.int64),
                arrays["known-sources"].astype(np.int64),
            ),
            [str(name) for name in opened.about["sources"]],
            Level.from_arrays(arrays),
            Level.from_arrays(long) if long else None,
            arrays["trained-on"],
            opened.files["card.md"].read_text(encoding="utf-8"),
        )
    except (KeyError, ValueError, TypeError, IndexError, OSError) as error:
        raise FolderError(
            f"the model in {folder} cannot be read ({error})",
            "a model that this version of capscope wrote",
            "Train the model again.",
        ) from error
