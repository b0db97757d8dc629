"""What each pass reads in traffic, and what it says of each session or account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import Groups, Traffic
from ..embed import Encoder, distinct, embed, one_thread
from ..index import AreaMap
from .columns import SAMPLE, sample
from .evidence import moved_most, nearest_kind
from .faces import Faces, find_faces
from .features import BUDGET, joined
from .levels import Placed
from .meanings import Meanings, find_meanings
from .measures import FIRST, MEASURES
from .model import SessionModel
from .words import count_words

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Sessions as a classifier sees them.

    Attributes:
        placed: with what judges each of them.
        names: of its measures.
        values: of them (sessions, measures).
        effects: what each added to the log-odds (sessions, measures).
        scores: calibrated probabilities of extraction (sessions,).
    """

    placed: Placed
    names: tuple[str, ...]
    values: Matrix
    effects: Matrix
    scores: NDArray[np.float64]

    @classmethod
    def by(cls, placed: Placed, name: str, names: tuple[str, ...], values: Matrix) -> Judged:
        """Judge sessions by one of `levels.PASSES` over its measures."""
        return cls(placed, names, values, *placed.effects(name, values))

    def moved(self, session: int) -> list[dict[str, Any]]:
        """Name the measures that moved a session's score most."""
        every = self.placed.background(session)
        background = every[[MEASURES.index(name) for name in self.names]]
        return moved_most(list(self.names), self.values[session], self.effects[session], background)


@dataclass(frozen=True, slots=True)
class FirstPass:
    """What the words and the shape of prompts say: no vectors.

    Attributes:
        texts: the distinct prompts.
        faces: of the sessions.
        wording: log-odds of the word head (distinct,).
        area: guessed from words, as a position in the areas (distinct,).
        judged: the sessions.
    """

    texts: pa.Array
    faces: Faces
    wording: NDArray[np.float64]
    area: NDArray[np.int64]
    judged: Judged

    def areas(self, session: int) -> NDArray[np.int64]:
        """Return the areas of a session's prompts."""
        return np.asarray(self.area[self.faces.prompts[session]])

    def prompts(self, session: int) -> list[str]:
        """Return a session's prompts."""
        return list(self.texts.take(pa.array(self.faces.prompts[session])).to_pylist())


@dataclass(frozen=True, slots=True)
class SecondPass:
    """What the vectors of prompts say as well, of some of the sessions.

    Attributes:
        place: of each session among those that were read (sessions,) int64; -1 for the others.
        meanings: of those.
        nearest: which kind of known prompts those are nearest to, for evidence.
        judged: those.
    """

    place: NDArray[np.int64]
    meanings: Meanings
    nearest: list[dict[str, Any]]
    judged: Judged

    def areas(self, session: int) -> NDArray[np.int64]:
        """Return the areas of the prompts of a session that were read."""
        return np.asarray(self.meanings.areas[self.place[session]])


def read_first(traffic: Traffic, groups: Groups, model: SessionModel, placed: Placed) -> FirstPass:
    """Read every session without vectors."""
    texts, of = distinct(traffic.table["prompt"])
    counted = count_words(texts)
    wording = model.parts.words.scores(counted)
    faces = find_faces(groups, texts, of)
    values = faces.read(model.parts.words, wording)
    judged = Judged.by(placed, "first", FIRST, values)
    return FirstPass(texts, faces, wording, model.subjects.guess(counted), judged)


def read_second(
    traffic: Traffic,
    groups: Groups,
    first: FirstPass,
    chosen: NDArray[np.int64],
    model: SessionModel,
    encoder: Encoder,
    areas: AreaMap,
    exact: bool,
) -> SecondPass:
    """Read some sessions with vectors.

    Args:
        traffic: what they are of.
        groups: all sessions.
        first: what the first pass found.
        chosen: which sessions are read.
        model: of `encoder`.
        encoder: makes the vectors.
        areas: of the same encoder.
        exact: whether a session is read whole, or at most `BUDGET` of its prompts.
    """
    budget = SAMPLE if exact else BUDGET
    rows = [sample(own, budget) for own in groups.take(chosen)]
    taken = pa.array(np.concatenate([*rows, np.empty(0, np.int64)]))
    vectors = embed(traffic.table["prompt"].take(taken), encoder)
    starts = np.cumsum([0, *map(len, rows)])
    meanings = find_meanings(Groups(np.arange(len(taken)), starts), vectors, areas)
    values = joined(first.judged.values[chosen], meanings.read(model.parts.head))
    judged = Judged.by(
        first.judged.placed.take(chosen), "whole" if exact else "brief", MEASURES, values
    )
    place = np.full(len(groups), -1)
    place[chosen] = np.arange(len(chosen))
    with one_thread():
        nearest = [
            nearest_kind(model.known.nearest(vectors.rows[prompts]), model.sources)
            for prompts in meanings.prompts
        ]
    return SecondPass(place, meanings, nearest, judged)
