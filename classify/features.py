"""Features: one row per session or account, one named column per measure."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ..data import Groups
from ..data.templates import Template, find_template
from ..embed import Vectors
from ..index import Placed
from .meaning import MEANING, Reading
from .measures import MEASURES
from .structure import STRUCTURE, Session
from .surface import surface
from .words import WordHead, count_words

SAMPLE = 256
"""Most prompts of a session or account that the measures read, evenly spaced in time."""
WORD = re.compile(r"\w{4,}")
TOKEN = re.compile(r"\w+|[^\w\s]")
END = 80
"""Characters of a prompt's end, its last word among them."""
WORDS = 200


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
        words: the word head itself, to read what prompts share.
    """

    scores: NDArray[np.float64]
    wording: NDArray[np.float64]
    words: WordHead


@dataclass(frozen=True, slots=True)
class Contents:
    """What groups of prompts are, before any learned part reads them.

    Attributes:
        prompts: the distinct prompts of each group, in time order, as numbers.
        structure: values of `STRUCTURE` (groups, measures) float64.
        templates: what each group's prompts have in common.
        frames: their words, counted (groups, BUCKETS).
    """

    prompts: list[NDArray[np.int64]]
    structure: NDArray[np.float64]
    templates: list[Template]
    frames: sparse.csr_matrix

    def take(self, chosen: NDArray[np.int64]) -> Contents:
        """Return some of the groups."""
        return Contents(
            [self.prompts[i] for i in chosen],
            self.structure[chosen],
            [self.templates[i] for i in chosen],
            self.frames[chosen],
        )

    def read(self, readings: Readings) -> Features:
        """Add what a model's learned parts say."""
        framed = readings.words.scores(self.frames)
        meaning = np.empty((len(self.prompts), len(MEANING)))
        for number, prompts in enumerate(self.prompts):
            reading = Reading(
                readings.scores[prompts],
                readings.wording[prompts],
                0.0 if self.templates[number].skeleton is None else float(framed[number]),
            )
            meaning[number] = [function(reading) for function in MEANING.values()]
        return Features(list(MEASURES), np.hstack([meaning, self.structure]), self.templates)


def compute_features(
    groups: Groups, vectors: Vectors, placed: Placed, readings: Readings
) -> Features:
    """Compute every measure of every group.

    Args:
        groups: row numbers of prompts, group by group.
        vectors: of the traffic.
        placed: areas and cells, one per distinct prompt.
        readings: what a model's parts say of each distinct prompt.
    """
    return find_contents(groups, vectors, placed).read(readings)


def find_contents(groups: Groups, vectors: Vectors, placed: Placed) -> Contents:
    """Compute what no model is needed for; arguments as of `compute_features`."""
    columns = surface(vectors.texts)
    every = list(groups)
    structure = np.empty((len(groups), len(STRUCTURE)))
    of_groups = [vectors.of[sample(rows)] for rows in every]
    templates: list[Template] = []
    for number, prompts in enumerate(of_groups):
        texts = vectors.texts.take(pa.array(prompts)).to_pylist()
        templates.append(find_template(texts))
        session = Session(
            vectors.rows[prompts],
            placed.area[prompts],
            placed.cell[prompts],
            {name: column[prompts] for name, column in columns.items()},
            [frozenset(WORD.findall(text[:4000].lower())[:WORDS]) for text in texts],
            [ends(text) for text in texts],
            templates[number],
            1.0 - len(np.unique(prompts)) / len(prompts),
        )
        structure[number] = [function(session) for function in STRUCTURE.values()]
    frames = count_words([template.skeleton or "" for template in templates])
    return Contents(of_groups, structure, templates, frames)


def ends(text: str) -> tuple[str, str]:
    """Return the first and the last word or mark of a prompt, in lower case.

    >>> ends("Write a poem. ")
    ('write', '.')
    """
    first, last = TOKEN.search(text[:4000]), TOKEN.findall(text.rstrip()[-END:])
    return (first[0].lower() if first else "", last[-1].lower() if last else "")


def sample(rows: NDArray[np.int64], most: int = SAMPLE) -> NDArray[np.int64]:
    """Return `most` of the rows, evenly spaced, or all where there are fewer."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
