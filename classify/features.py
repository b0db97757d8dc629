"""Features: one row per session or account, one named column per measure."""

from __future__ import annotations

import re
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

SAMPLE = 256
"""Most prompts of a session or account that the measures read, evenly spaced in time."""
WORD = re.compile(r"\w{4,}")
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


def compute_features(
    groups: Groups,
    vectors: Vectors,
    placed: Placed,
    scores: NDArray[np.float64],
    known: NDArray[np.float32],
) -> Features:
    """Compute every measure of every group.

    Args:
        groups: row numbers of prompts, group by group.
        vectors: of the traffic.
        placed: areas and cells, one per distinct prompt.
        scores: of the prompt head, one per distinct prompt (distinct,).
        known: similarities to known prompts, one row per distinct prompt (distinct, kinds).
    """
    columns = surface(vectors.texts)
    values = np.empty((len(groups), len(MEASURES)))
    templates = []
    for number, rows in enumerate(groups):
        prompts = vectors.of[sample(rows)]
        texts = vectors.texts.take(pa.array(prompts)).to_pylist()
        template = find_template(texts)
        session = Session(
            vectors.rows[prompts],
            scores[prompts],
            known[prompts],
            placed.area[prompts],
            placed.cell[prompts],
            {name: column[prompts] for name, column in columns.items()},
            [frozenset(WORD.findall(text[:4000].lower())[:WORDS]) for text in texts],
            template,
            1.0 - len(np.unique(prompts)) / len(prompts),
        )
        values[number] = [function(session) for function in MEASURES.values()]
        templates.append(template)
    return Features(list(MEASURES), values, templates)


def sample(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `SAMPLE` of the rows, evenly spaced, or all where there are fewer."""
    if len(rows) <= SAMPLE:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64)]
