"""The prompts of a traffic, and what a model says of groups of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import INSUFFICIENT, Groups, Traffic
from ...embed import Encoder, Vectors, embed
from ...index import AreaMap, PromptIndex
from ..features import SAMPLE, compute_features
from ..model import SessionModel
from .things import Floats, Ints


@dataclass(frozen=True, slots=True)
class Corpus:
    """Rows of traffic and the distinct prompts in them, in the order of their texts.

    Attributes:
        table: the columns of traffic (rows).
        prompt: the number of each row's prompt (rows,) int64.
        texts: the distinct prompts (distinct,).
        vectors: returns the unit vectors of the prompts with these numbers (n, dimension) float32.
    """

    table: pa.Table
    prompt: Ints
    texts: pa.Array
    vectors: Callable[[Ints], NDArray[np.float32]]

    @classmethod
    def of_traffic(cls, traffic: Traffic, encoder: Encoder) -> Corpus:
        """Take the rows of a traffic; only the prompts that are asked for are ever embedded."""
        coded = traffic.table["prompt"].combine_chunks().dictionary_encode()
        texts, _, place = _in_order(coded.dictionary)

        def vectors(numbers: Ints) -> NDArray[np.float32]:
            found = embed(pa.chunked_array([texts.take(pa.array(numbers))]), encoder)
            return found.rows[found.of]

        return cls(traffic.table, place[np.asarray(coded.indices)], texts, vectors)

    @classmethod
    def of_index(cls, index: PromptIndex) -> Corpus:
        """Take the rows of an index, and its vectors."""
        every = index.vectors
        texts, order, place = _in_order(index.prompts.combine_chunks())
        prompt = place[np.asarray(index.rows["prompt"])]
        return cls(index.rows, prompt, texts, lambda numbers: every[order[numbers]])

    def named(self, numbers: Ints) -> list[str]:
        """Return the prompts with these numbers."""
        return [str(text) for text in self.texts.take(pa.array(numbers)).to_pylist()]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model says of groups of prompts.

    Attributes:
        score: calibrated probability of extraction (groups,) float64.
        areas: the share of each area, as in `names` (groups, areas) float64.
        names: of the areas.
    """

    score: Floats
    areas: Floats
    names: list[str]

    def named(self, group: int) -> dict[str, float]:
        """Return a group's areas with their shares, the largest first, those not met left out."""
        shares = self.areas[group].round(4)
        order = np.argsort(-shares, kind="stable")
        return {self.names[i]: float(shares[i]) for i in order if shares[i] > 0}


class Judge:
    """A model and the areas, read with one encoder."""

    def __init__(self, model: SessionModel, encoder: Encoder, max_fpr: float | None = None) -> None:
        """Check that they belong together.

        Raises:
            InputError: the encoder is not the model's, or the promised rate cannot be kept.
        """
        model.check_encoder(encoder)
        self._encoder = encoder
        self.threshold = round(model.threshold(max_fpr), 6)
        self.least = model.min_prompts
        self._model = model
        self._areas = AreaMap.embedded(encoder)

    def prompts(self, corpus: Corpus, groups: list[Ints]) -> Judged:
        """Judge groups of rows, each in time order, as `label` judges the rows of one account."""
        taken = [_thin(rows) for rows in groups]
        numbers, of = np.unique(corpus.prompt[np.concatenate(taken)], return_inverse=True)
        texts = corpus.texts.take(pa.array(numbers))
        return self._judged(texts, corpus.vectors(numbers), of, taken)

    def embedded(self, texts: list[str]) -> Vectors:
        """Return the vectors of texts that are in no traffic."""
        return embed(pa.chunked_array([texts], pa.large_string()), self._encoder)

    def score(self, vectors: Vectors) -> float:
        """Return the score of texts as one group."""
        group = np.arange(len(vectors.of))
        return float(self._judged(vectors.texts, vectors.rows, vectors.of, [group]).score[0])

    def label(self, score: float, prompts: int) -> tuple[str, float | None]:
        """Return the label of a score, and the score itself unless the prompts are too few."""
        if prompts < self.least:
            return INSUFFICIENT, None
        return ("extraction" if score > self.threshold else "organic"), round(score, 6)

    def _judged(
        self,
        texts: pa.Array,
        rows: NDArray[np.float32],
        of: Ints,
        groups: list[Ints],
    ) -> Judged:
        vectors = Vectors(rows, texts, of, self._encoder.fingerprint)
        starts = np.cumsum([0, *map(len, groups)])
        placed = self._areas.place(rows)
        of_groups = Groups(np.arange(len(of)), starts)
        features = compute_features(of_groups, vectors, placed, self._model.read(vectors))
        count = len(self._areas.areas)
        shares = [
            np.bincount(placed.area[of[one]], minlength=count) / max(len(one), 1)
            for one in of_groups
        ]
        effects = self._model.classifier.effects(features.values)
        scores = self._model.classifier.score_effects(effects)
        return Judged(scores, np.array(shares), self._areas.areas)


def _in_order(texts: pa.Array) -> tuple[pa.Array, Ints, Ints]:
    """Sort texts; return them, where each came from, and where each went."""
    order = np.asarray(pc.sort_indices(texts), dtype=np.int64)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return texts.take(pa.array(order)), order, place


def _thin(rows: Ints) -> Ints:
    if len(rows) <= SAMPLE:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64)]


def spread(rows: Ints, of: Ints, most: int) -> Ints:
    """Choose rows of as many accounts as there are, one after the other, in a fixed way.

    Args:
        rows: in time order (n,).
        of: the account of each (n,).
        most: how many to choose.
    """
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], of[order])
    turn = np.empty(len(rows), np.int64)
    turn[order] = np.arange(len(rows)) - starts
    chosen = np.lexsort((of, turn))[:most]
    return rows[np.sort(chosen)]
