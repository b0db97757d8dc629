"""Features: one row per session or account, one named column per measure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import Groups
from ..embed import Vectors
from ..index import Placed
from .measures import MEASURES, Session
from .surface import surface
from .templates import Template, find_template
from .words import WordHead, count_words

SAMPLE = 256
"""Most prompts of a session or account that the measures read, evenly spaced in time."""
WORD = re.compile(r"\w{4,}")
WORDS = 200
CHUNK = 512
"""Groups whose texts are held at once."""


@dataclass(frozen=True, slots=True)
class Features:
    """Measures of groups of prompts.

    Attributes:
        names: of the columns, as in `MEASURES`.
        values: (groups, measures) float64.
        templates: what each group's prompts have in common.
    """

    names: list[str]
    values: NDArray[np.float64]
    templates: list[Template]


@dataclass(frozen=True, slots=True)
class Readings:
    """What a model's learned parts say of each distinct prompt.

    Attributes:
        scores: log-odds of the prompt head (distinct,) float64.
        wording: log-odds of the word head (distinct,) float64.
        known: similarities to known prompts (distinct, kinds) float32.
        words: the word head itself, to read what prompts share.
    """

    scores: NDArray[np.float64]
    wording: NDArray[np.float64]
    known: NDArray[np.float32]
    words: WordHead

    def frames(self, skeletons: Sequence[str]) -> list[float]:
        """Score what the prompts of each group share; 0 where they share nothing."""
        scores = self.words.scores(count_words(skeletons))
        return [float(s) if text else 0.0 for s, text in zip(scores, skeletons, strict=True)]


def compute_features(
    groups: Groups,
    vectors: Vectors,
    placed: Placed,
    readings: Readings,
) -> Features:
    """Compute every measure of every group.

    Args:
        groups: row numbers of prompts, group by group.
        vectors: of the traffic.
        placed: areas and cells, one per distinct prompt.
        readings: what a model's parts say of each distinct prompt.
    """
    columns = surface(vectors.texts)
    every = list(groups)
    values = np.empty((len(groups), len(MEASURES)))
    templates: list[Template] = []
    for start in range(0, len(every), CHUNK):
        of_groups = [vectors.of[sample(rows)] for rows in every[start : start + CHUNK]]
        texts_of = [vectors.texts.take(pa.array(prompts)).to_pylist() for prompts in of_groups]
        found = [find_template(texts) for texts in texts_of]
        frames = readings.frames([template.skeleton or "" for template in found])
        for number, (prompts, texts) in enumerate(zip(of_groups, texts_of, strict=True)):
            session = Session(
                vectors.rows[prompts],
                readings.scores[prompts],
                readings.wording[prompts],
                frames[number],
                readings.known[prompts],
                placed.area[prompts],
                placed.cell[prompts],
                {name: column[prompts] for name, column in columns.items()},
                [frozenset(WORD.findall(text[:4000].lower())[:WORDS]) for text in texts],
                found[number],
                1.0 - len(np.unique(prompts)) / len(prompts),
            )
            values[start + number] = [function(session) for function in MEASURES.values()]
        templates += found
    return Features(list(MEASURES), values, templates)


def sample(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `SAMPLE` of the rows, evenly spaced, or all where there are fewer."""
    if len(rows) <= SAMPLE:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64)]
