"""What stands on the face of the prompts of sessions: no vector is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ..data import Groups
from ..data.templates import Template, find_template
from .columns import sample, take_columns
from .halves import HALVES, Split
from .lengths import Counts
from .meaning import WORDING, Wording
from .measures import AMOUNT, FIRST
from .structure import STRUCTURE, Session
from .surface import surface
from .words import WordHead, count_words

WORD = re.compile(r"\w{4,}")
TOKEN = re.compile(r"\w+|[^\w\s]")
END = 80
"""Characters of a prompt's end, its last word among them."""
WORDS = 200
USUAL, MOST = 15, 60
"""Distinct prompts of a session whose `amount` is 0, and the most that it counts."""


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
        return take_columns((*WORDING, *STRUCTURE, *HALVES, AMOUNT), values, FIRST)

    @property
    def amount(self) -> NDArray[np.float64]:
        """Log of each group's distinct prompts, `MOST` at most, by the `USUAL` (groups,)."""
        distinct = np.array([len(np.unique(prompts)) for prompts in self.prompts])
        return np.asarray(np.log(np.minimum(distinct, MOST) / USUAL))


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


def ends(text: str) -> tuple[str, str]:
    """Return the first and the last word or mark of a prompt, in lower case.

    >>> ends("Write a poem. ")
    ('write', '.')
    """
    first, last = TOKEN.search(text[:4000]), TOKEN.findall(text.rstrip()[-END:])
    return (first[0].lower() if first else "", last[-1].lower() if last else "")
