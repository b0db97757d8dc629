"""What a model says of groups of accounts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ...data import INSUFFICIENT, Groups
from ...embed import Encoder, Vectors, embed
from ...index import AreaMap
from ..columns import sample
from ..features import compute_features
from ..model import SessionModel
from .corpus import Corpus
from .things import Accounts, Floats, Ints

MEMBERS, PROMPTS = 12, 32
"""Accounts of a group that are read, and prompts of each, evenly spaced."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model says of one group.

    Attributes:
        score: median calibrated probability of extraction of the accounts that were read; None
            where none of them has enough prompts.
        flagged: the share of those accounts above the threshold; None as `score`.
        read: how many accounts have enough prompts.
        areas: shares of the prompts that were read, the largest first.
    """

    score: float | None
    flagged: float | None
    read: int
    areas: dict[str, float]


class Judge:
    """A model and the areas, read with one encoder."""

    def __init__(self, model: SessionModel, encoder: Encoder) -> None:
        """Check that they belong together.

        Raises:
            InputError: the encoder is not the model's.
        """
        model.check_encoder(encoder)
        self.threshold = round(model.route(exact=True).threshold, 6)
        self._least = model.min_prompts
        self._encoder = encoder
        self._model = model
        self._areas = AreaMap.embedded(encoder)

    def groups(
        self,
        corpus: Corpus,
        accounts: Accounts,
        groups: list[Ints],
        holds: sparse.csc_array,
    ) -> list[Judged]:
        """Judge groups by some of their accounts, each as `label` judges an account.

        An account is read by the prompts that hold what the group shares, where it has enough of
        them: what else it sends may be there to dilute them.

        Args:
            corpus: the traffic.
            accounts: of the traffic.
            groups: accounts of each group.
            holds: which distinct prompts hold what a group shares (distinct, groups).
        """
        read = [
            self._rows(corpus, accounts, group, holds[:, [i]]) for i, group in enumerate(groups)
        ]
        rows = [one for of_group in read for one in of_group]
        numbers, of = np.unique(corpus.prompt[np.concatenate(rows)], return_inverse=True)
        vectors = Vectors(
            corpus.vectors(numbers),
            corpus.texts.take(pa.array(numbers)),
            of,
            self._encoder.fingerprint,
        )
        starts = np.cumsum([0, *map(len, rows)])
        scores, area = self._scores(vectors, starts)
        ends = np.cumsum([0, *map(len, read)])
        return [
            self._judged(scores[a:b], np.diff(starts)[a:b], area[starts[a] : starts[b]])
            for a, b in zip(ends[:-1], ends[1:], strict=True)
        ]

    def score(self, texts: list[str]) -> tuple[float, NDArray[np.float32]]:
        """Return the score of texts as those of one account, and their vectors."""
        vectors = embed(pa.chunked_array([texts], pa.large_string()), self._encoder)
        scores, _ = self._scores(vectors, np.array([0, len(texts)]))
        return float(scores[0]), vectors.rows[vectors.of]

    def label(self, score: float | None) -> str:
        """Return the label of a score."""
        if score is None:
            return INSUFFICIENT
        return "extraction" if score > self.threshold else "organic"

    def _rows(
        self, corpus: Corpus, accounts: Accounts, group: Ints, holds: sparse.csc_array
    ) -> list[Ints]:
        chosen = sample(group, MEMBERS)
        position = accounts.positions(chosen)
        of, rows = accounts.of[position], accounts.rows[position]
        shared = holds.toarray().ravel()[corpus.prompt[rows]] > 0
        found = []
        for account in chosen:
            own = of == account
            core = own & shared
            taken = rows[core if core.sum() >= self._least else own]
            found.append(sample(taken, PROMPTS))
        return found

    def _scores(self, vectors: Vectors, starts: Ints) -> tuple[Floats, Ints]:
        """Return the score of each account and the area of each row."""
        groups = Groups(np.arange(len(vectors.of)), starts)
        features = compute_features(groups, vectors, self._areas, self._model.parts)
        scores = self._model.short.passes.whole.score_sessions(features.values)
        return scores, self._areas.place(vectors.rows).area[vectors.of]

    def _judged(self, scores: Floats, prompts: Ints, area: Ints) -> Judged:
        enough = scores[prompts >= self._least]
        score = round(float(np.median(enough)), 6) if len(enough) else None
        flagged = round(float((enough > self.threshold).mean()), 4) if len(enough) else None
        names = self._areas.areas
        shares = (np.bincount(area, minlength=len(names)) / len(area)).round(4)
        areas = {names[i]: float(shares[i]) for i in np.argsort(-shares, kind="stable")}
        met = {name: share for name, share in areas.items() if share}
        return Judged(score, flagged, len(enough), met)
