"""Features: one row per session or account, one named column per measure.

They come in two parts. What stands on the face of prompts (`Faces`) costs next to nothing; what
they mean (`Meanings`) needs their vectors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ..data import Groups
from ..data.templates import Template, find_template
from ..embed import Vectors, one_thread
from ..index import AreaMap
from .halves import HALVES, Split
from .head import Head
from .lengths import Counts
from .likeness import LIKENESS, Matter
from .meaning import SCORES, WORDING, Wording
from .measures import AMOUNT, FIRST, MEASURES, SECOND
from .parts import Parts
from .structure import STRUCTURE, Session
from .surface import surface
from .words import WordHead, count_words

SAMPLE = 256
"""Most prompts of a session or account that the measures read, evenly spaced in time."""
BUDGET = 8
"""Most of them whose meaning is read unless every prompt is to be: see docs/decisions.md."""
WORD = re.compile(r"\w{4,}")
TOKEN = re.compile(r"\w+|[^\w\s]")
END = 80
"""Characters of a prompt's end, its last word among them."""
WORDS = 200
USUAL, MOST = 15, 60
"""Distinct prompts of a session whose `amount` is 0, and the most that it counts."""


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
class Faces:
    """What groups of prompts look like, before any learned part reads them; no vectors needed.

    Attributes:
        prompts: the distinct prompts of each group, in time order, as numbers.
        surface: the columns of `surface` of all distinct prompts.
        structure: values of `STRUCTURE` (groups, measures) float64.
        templates: what each group's prompts have in common.
        frames: their words, counted (groups, BUCKETS).
    """

    prompts: list[NDArray[np.int64]]
    surface: Counts
    structure: NDArray[np.float64]
    templates: list[Template]
    frames: sparse.csr_matrix

    def take(self, chosen: NDArray[np.int64]) -> Faces:
        """Return some of the groups."""
        return Faces(
            [self.prompts[i] for i in chosen],
            self.surface,
            self.structure[chosen],
            [self.templates[i] for i in chosen],
            self.frames[chosen],
        )

    def read(self, words: WordHead, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add what a word head says.

        Args:
            words: the head.
            scores: its log-odds of each distinct prompt (distinct,).

        Returns:
            Values of `FIRST` (groups, measures) float64.
        """
        framed = words.scores(self.frames)
        told = np.empty((len(self.prompts), len(WORDING)))
        halves = np.empty((len(self.prompts), len(HALVES)))
        for number, prompts in enumerate(self.prompts):
            absent = self.templates[number].skeleton is None
            wording = Wording(scores[prompts], 0.0 if absent else float(framed[number]))
            counts = {name: column[prompts] for name, column in self.surface.items()}
            split = Split(wording.scores, counts)
            told[number] = [measure(wording) for measure in WORDING.values()]
            halves[number] = [measure(split) for measure in HALVES.values()]
        values = np.hstack([told, self.structure, halves, self.amount[:, None]])
        return _columns((*WORDING, *STRUCTURE, *HALVES, AMOUNT), values, FIRST)

    @property
    def amount(self) -> NDArray[np.float64]:
        """Log of each group's distinct prompts, `MOST` at most, by the `USUAL` (groups,)."""
        distinct = np.array([len(np.unique(prompts)) for prompts in self.prompts])
        return np.asarray(np.log(np.minimum(distinct, MOST) / USUAL))


@dataclass(frozen=True, slots=True)
class Meanings:
    """What the prompts of groups mean, before any learned part reads them.

    Everything is computed from the vectors of one group at a time, so what is said of a group is
    the same to the last bit whatever stands beside it.

    Attributes:
        vectors: of all prompts.
        prompts: the distinct prompts of each group that are read, in time order, as numbers.
        areas: the capability area of each of them, as a position in the areas.
        likeness: values of `LIKENESS` (groups, measures) float64.
    """

    vectors: Vectors
    prompts: list[NDArray[np.int64]]
    areas: list[NDArray[np.int64]]
    likeness: NDArray[np.float64]

    def take(self, chosen: NDArray[np.int64]) -> Meanings:
        """Return some of the groups."""
        return Meanings(
            self.vectors,
            [self.prompts[i] for i in chosen],
            [self.areas[i] for i in chosen],
            self.likeness[chosen],
        )

    def read(self, head: Head) -> NDArray[np.float64]:
        """Add what a prompt head says.

        Returns:
            Values of `SECOND` (groups, measures) float64.
        """
        values = np.empty((len(self.prompts), len(SCORES)))
        with one_thread():
            for number, prompts in enumerate(self.prompts):
                scores = head.scores(self.vectors.rows[prompts])
                values[number] = [measure(scores) for measure in SCORES.values()]
        return _columns((*SCORES, *LIKENESS), np.hstack([values, self.likeness]), SECOND)


@dataclass(frozen=True, slots=True)
class Measured:
    """Measures of groups, as the passes of a model see them.

    Attributes:
        brief: with the meaning of at most `BUDGET` prompts (groups, measures) float64.
        whole: with that of all prompts (groups, measures) float64.
    """

    brief: NDArray[np.float64]
    whole: NDArray[np.float64]

    @property
    def first(self) -> NDArray[np.float64]:
        """Those that need no vectors (groups, `FIRST`)."""
        return _columns(MEASURES, self.whole, FIRST)


@dataclass(frozen=True, slots=True)
class Contents:
    """What groups of prompts are, before any learned part reads them.

    Attributes:
        faces: what they look like.
        brief: what at most `BUDGET` of a group's prompts mean.
        whole: what all of them mean.
    """

    faces: Faces
    brief: Meanings
    whole: Meanings

    def take(self, chosen: NDArray[np.int64]) -> Contents:
        """Return some of the groups."""
        return Contents(self.faces.take(chosen), self.brief.take(chosen), self.whole.take(chosen))

    def read(self, parts: Parts, wording: NDArray[np.float64]) -> Measured:
        """Add what a model's learned parts say.

        Args:
            parts: the learned parts.
            wording: log-odds of the word head among them, of each distinct prompt (distinct,).
        """
        faces = self.faces.read(parts.words, wording)
        brief, whole = (each.read(parts.head) for each in (self.brief, self.whole))
        return Measured(joined(faces, brief), joined(faces, whole))


def find_contents(groups: Groups, vectors: Vectors, areas: AreaMap) -> Contents:
    """Compute what no model is needed for; arguments as of `compute_features`."""
    return Contents(
        find_faces(groups, vectors.texts, vectors.of),
        find_meanings(groups, vectors, areas, BUDGET),
        find_meanings(groups, vectors, areas),
    )


def compute_features(groups: Groups, vectors: Vectors, areas: AreaMap, parts: Parts) -> Features:
    """Compute every measure of every group, of all prompts.

    Args:
        groups: row numbers of prompts, group by group.
        vectors: of the traffic.
        areas: where prompts are placed.
        parts: what a model learned from single prompts.
    """
    faces = find_faces(groups, vectors.texts, vectors.of)
    meanings = find_meanings(groups, vectors, areas)
    scores = parts.words.scores(count_words(vectors.texts))
    values = joined(faces.read(parts.words, scores), meanings.read(parts.head))
    return Features(list(MEASURES), values, faces.templates)


def joined(faces: NDArray[np.float64], meanings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values of `MEASURES` (groups, measures) from those of `FIRST` and of `SECOND`."""
    return _columns((*FIRST, *SECOND), np.hstack([faces, meanings]), MEASURES)


def find_faces(groups: Groups, texts: pa.Array, of: NDArray[np.int64]) -> Faces:
    """Compute what needs neither vectors nor a model.

    Args:
        groups: row numbers of prompts, group by group.
        texts: the distinct prompts.
        of: the distinct prompt of each row (rows,).
    """
    columns = surface(texts)
    structure = np.empty((len(groups), len(STRUCTURE)))
    of_groups = [of[sample(rows)] for rows in groups]
    templates: list[Template] = []
    for number, prompts in enumerate(of_groups):
        own = texts.take(pa.array(prompts)).to_pylist()
        templates.append(find_template(own))
        session = Session(
            {name: column[prompts] for name, column in columns.items()},
            [frozenset(WORD.findall(text[:4000].lower())[:WORDS]) for text in own],
            [ends(text) for text in own],
            templates[number],
            1.0 - len(np.unique(prompts)) / len(prompts),
        )
        structure[number] = [function(session) for function in STRUCTURE.values()]
    frames = count_words([template.skeleton or "" for template in templates])
    return Faces(of_groups, columns, structure, templates, frames)


def find_meanings(
    groups: Groups, vectors: Vectors, areas: AreaMap, budget: int = SAMPLE
) -> Meanings:
    """Compute what needs vectors and no model, of at most `budget` prompts of each group."""
    of_groups = [vectors.of[sample(rows, budget)] for rows in groups]
    placed: list[NDArray[np.int64]] = []
    likeness = np.empty((len(of_groups), len(LIKENESS)))
    with one_thread():
        for number, prompts in enumerate(of_groups):
            rows = vectors.rows[prompts]
            places = areas.place(rows)
            placed.append(places.area)
            matter = Matter(rows, places.area, places.cell)
            likeness[number] = [function(matter) for function in LIKENESS.values()]
    return Meanings(vectors, of_groups, placed, likeness)


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


def _columns(
    names: tuple[str, ...], values: NDArray[np.float64], wanted: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the wanted columns in their order, rows as they were."""
    return np.ascontiguousarray(values[:, [names.index(name) for name in wanted]])
