"""What is found when the transformer reads fewer prompts of a session, or none: `features.BUDGET`.

Measures and scores are out of fold, as in training: no source, template or account of a session
was seen. Prints the table that the budget was chosen by, for docs/decisions.md.

    python benchmarks/budget.py out/full/train.parquet
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from capscope.classify import SessionClassifier
from capscope.classify.columns import SAMPLE
from capscope.classify.features import joined
from capscope.classify.lessons import Lessons
from capscope.classify.meanings import find_meanings
from capscope.classify.measures import FIRST, MEASURES
from capscope.classify.metrics import summary
from capscope.classify.passes import Scores, merge
from capscope.classify.train import MIN_PROMPTS
from capscope.classify.truth import Truth, read_truth
from capscope.data import read_traffic
from capscope.embed import SentenceEncoder, embed
from capscope.index import AreaMap

BUDGETS = (8, 12, 16, 24, 32, SAMPLE)
CORES = 2
FPR = 0.01

Matrix = NDArray[np.float64]


def main() -> None:
    """Measure every budget on the traffic that the arguments name."""
    truth, scores = scored(Path(sys.argv[1]))
    whole, sizes = scores[SAMPLE], truth.groups.sizes
    told("| prompts read | AUROC | TPR at 1 % FPR | both passes: AUROC | TPR at 1 % FPR | read |")
    told("|---|---|---|---|---|---|")
    told(f"| none: first pass | {figures(truth, scores[0])} | | | |")
    for budget in BUDGETS:
        every = Scores(truth.extraction, scores[0], scores[budget], whole)
        route = every.route(FPR)
        both = merge(scores[0], scores[budget], route.let_go)
        kept = scores[0] >= route.let_go
        read = np.minimum(sizes, budget)[kept & ~truth.extraction].sum()
        share = read / sizes[~truth.extraction].sum()
        name = "all" if budget == SAMPLE else str(budget)
        told(
            f"| {name} | {figures(truth, scores[budget])} | {figures(truth, both)} | {share:.1%} |"
        )
    route = Scores(truth.extraction, scores[0], whole, whole).route(FPR)
    gone = scores[0] < route.let_go
    flagged = truth.extraction & (whole > every.route(FPR, exact=True).threshold)
    told(
        f"\nLet go below {route.let_go:.3f}: {gone[~truth.extraction].mean():.1%} of organic "
        f"sessions, {gone[truth.extraction].mean():.1%} of extraction, "
        f"{(gone & flagged).sum()} of {flagged.sum()} that reading all would flag."
    )


def scored(traffic_path: Path) -> tuple[Truth, dict[int, NDArray[np.float64]]]:
    """Return the labelled sessions and their scores by budget, 0 for the first pass."""
    traffic = read_traffic([str(traffic_path)])
    truth = read_truth(traffic, MIN_PROMPTS)
    encoder = SentenceEncoder()
    areas = AreaMap.embedded(encoder)
    lessons = Lessons.of(truth, embed(traffic.table["prompt"], encoder), areas)
    meanings = {b: find_meanings(truth.groups, lessons.vectors, areas, b) for b in BUDGETS}
    values: dict[int, Matrix] = {b: np.empty((len(truth.groups), len(MEASURES))) for b in BUDGETS}
    for fold in np.unique(truth.fold):
        held = np.flatnonzero(truth.fold == fold)
        parts = lessons.parts(np.flatnonzero(truth.fold != fold))
        wording = parts.words.scores(lessons.counted)
        faces = lessons.contents.faces.take(held).read(parts.words, wording)
        for budget in BUDGETS:
            meant = meanings[budget].take(held).read(parts.head)
            values[budget][held] = joined(faces, meant)
    first = [MEASURES.index(name) for name in FIRST]
    jobs = {0: values[SAMPLE][:, first]} | values
    found = Parallel(n_jobs=CORES)(delayed(out_of_fold)(truth, each) for each in jobs.values())
    return truth, dict(zip(jobs, found, strict=True))


def out_of_fold(truth: Truth, measures: Matrix) -> NDArray[np.float64]:
    """Return scores by classifiers that saw nothing of a session's group."""
    fitted = SessionClassifier(amount=True).fit(
        measures, truth.extraction, truth.fold, truth.source
    )
    return np.asarray(fitted.out_of_fold_)


def figures(truth: Truth, scores: NDArray[np.float64]) -> str:
    """Return two cells of a table."""
    told = summary(truth.extraction, scores)
    return f"{told['auroc']:.4f} | {told['tpr_at_fpr']['0.01']:.1%}"


def told(line: str) -> None:
    """Print a line of the results."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
