"""How far figures hang on the draw: models of one draw of traffic, on sessions of each.

Every file holds sessions that `simulate` drew from the same sources with another seed. A model
learns from those of one file, each fold from the nine others; the fold of every file is scored by
it, so no source, template, wrapper or grid is on both sides. Every model learns from the sessions
of `--beside` as well, and none of these is tested. First pass only, which needs no encoder, with
`BAGS` bags. Prints a table in Markdown, a row for each file learned from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy import sparse

from capscope.classify import SessionClassifier
from capscope.classify.faces import Faces, find_faces
from capscope.classify.measures import FIRST
from capscope.classify.metrics import summary
from capscope.classify.train import MIN_PROMPTS
from capscope.classify.truth import Truth, read_truth
from capscope.classify.words import WordHead, count_words, fit_words
from capscope.data import read_traffic

BAGS = 4
CORES = 2
FPR = 0.01
FOUND = "found-"
"""How the names of templates that developers wrote begin."""

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Draw:
    """Sessions of one file.

    Attributes:
        name: of the file.
        truth: what is known of them.
        faces: what they look like.
        counted: words of distinct prompts, as `count_words` gives them.
        of: the distinct prompt of each row (rows,).
        found: whether a session's template is a developer's (sessions,).
        own: whether a session is of the file, and not beside it (sessions,).
    """

    name: str
    truth: Truth
    faces: Faces
    counted: sparse.csr_matrix
    of: NDArray[np.int64]
    found: NDArray[np.bool_]
    own: NDArray[np.bool_]

    @classmethod
    def read(cls, path: Path, beside: Path) -> Draw:
        """Read a file, and what is learned from beside it."""
        itself = read_traffic([str(path)])
        traffic = itself.followed_by(read_traffic([str(beside)]))
        truth = read_truth(traffic, MIN_PROMPTS)
        prompts = pc.dictionary_encode(traffic.table["prompt"].combine_chunks())
        of = prompts.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        faces = find_faces(truth.groups, prompts.dictionary, of)
        templates = traffic.column("template", truth.groups.first)
        found = np.array([str(name).startswith(FOUND) for name in templates]) & ~truth.extraction
        own = truth.groups.first < len(itself)
        return cls(path.stem, truth, faces, count_words(prompts.dictionary), of, found, own)

    def head(self, without: Sequence[int]) -> WordHead:
        """Learn from the words of all folds but some."""
        truth = self.truth.take(np.flatnonzero(~np.isin(self.truth.fold, without)))
        rows, sizes = truth.groups.rows, truth.groups.sizes
        extraction = np.repeat(truth.extraction, sizes)
        return fit_words(self.counted[self.of[rows]], extraction, np.repeat(truth.source, sizes))

    def measure(self, fold: int, head: WordHead) -> Scores:
        """Measure the sessions of a fold as a head reads them (sessions, measures)."""
        chosen = np.flatnonzero(self.truth.fold == fold)
        return self.faces.take(chosen).read(head, head.scores(self.counted))


def score_all(learned: Draw, draws: Sequence[Draw]) -> list[Scores]:
    """Score every draw's sessions, each by a model of one draw that saw nothing of its fold."""
    truth, folds = learned.truth, range(len(learned.truth.folds))
    pairs = list(combinations(folds, 2))
    run = Parallel(n_jobs=CORES, max_nbytes=None)
    both = run(delayed(measured_apart)(learned, pair) for pair in pairs)
    apart = np.full((len(folds), len(truth.fold), len(FIRST)), np.nan)
    for (one, other), (of_one, of_other) in zip(pairs, both, strict=True):
        apart[other, truth.fold == one] = of_one
        apart[one, truth.fold == other] = of_other
    found = run(delayed(score_fold)(learned, draws, fold, apart[fold]) for fold in folds)
    scores = [np.empty(len(draw.truth.fold)) for draw in draws]
    for fold, each in zip(folds, found, strict=True):
        for draw, of_all, of_fold in zip(draws, scores, each, strict=True):
            of_all[draw.truth.fold == fold] = of_fold
    return scores


def measured_apart(draw: Draw, pair: tuple[int, int]) -> list[Scores]:
    """Measure two folds by a head that saw neither."""
    head = draw.head(pair)
    return [draw.measure(fold, head) for fold in pair]


def score_fold(learned: Draw, draws: Sequence[Draw], fold: int, measures: Scores) -> list[Scores]:
    """Score a fold of every draw by a model of the other folds, whose measures are given."""
    truth = learned.truth
    seen = truth.fold != fold
    model = SessionClassifier(bags=BAGS, amount=True)
    model.fit(measures[seen], truth.extraction[seen], truth.fold[seen], truth.source[seen])
    head = learned.head([fold])
    return [model.decision_function(draw.measure(fold, head)) for draw in draws]


def cell(draw: Draw, scores: Scores) -> str:
    """Write AUROC, TPR at 1 % FPR, and how many developers' applications that flags."""
    extraction, scores = draw.truth.extraction[draw.own], scores[draw.own]
    flagged = scores[draw.found[draw.own]] > np.quantile(scores[~extraction], 1 - FPR)
    figures = summary(extraction, scores)
    rate = figures["tpr_at_fpr"][str(FPR)]
    return f"{figures['auroc']:.3f}, {rate:.1%}, {flagged.sum()} of {len(flagged)}"


def main() -> None:
    """Score every draw by models of every draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traffic", type=Path, nargs="+")
    parser.add_argument("--beside", type=Path, required=True, help="sessions learned from only")
    arguments = parser.parse_args()
    draws = [Draw.read(path, arguments.beside) for path in arguments.traffic]
    if len({tuple(draw.truth.folds) for draw in draws}) > 1:
        sys.exit("the files differ in their split groups: draw them from one pool")
    names = " | ".join(f"on {draw.name}" for draw in draws)
    sys.stdout.write(f"| learned from | {names} |\n{'|---' * (len(draws) + 1)}|\n")
    for learned in draws:
        scores = score_all(learned, draws)
        cells = [cell(*each) for each in zip(draws, scores, strict=True)]
        sys.stdout.write(f"| {learned.name} | {' | '.join(cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
