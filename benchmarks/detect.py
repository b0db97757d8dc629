"""How well sessions and accounts of unseen sources are told apart: `make bench-detect`.

Every score is by a model, its heads, its calibration and its references included, that saw
nothing of the session's split group: no source, template, wrapper, grid or account of it. Prints
tables in Markdown for docs/results.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.stats import rankdata

from capscope.classify import SessionClassifier
from capscope.classify.card import best_measure
from capscope.classify.intervals import Interval, intervals
from capscope.classify.learn import learn
from capscope.classify.lessons import Lessons, embed_read
from capscope.classify.levels import LONG
from capscope.classify.measures import AMOUNT, FAMILIES, MEASURES
from capscope.classify.metrics import calibration_error, flagged_by, summary, tpr_at_fpr
from capscope.classify.passes import Route, merge
from capscope.classify.peers import peer_scores
from capscope.classify.train import MIN_PROMPTS
from capscope.classify.truth import Truth, read_truth
from capscope.data import Traffic, read_traffic
from capscope.embed import SentenceEncoder, embed
from capscope.index import AreaMap

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]

LONG_ONES = ("**capscope**", "capscope `--exact`", "the same, as sessions are", "flagged")
"""How accounts are scored; the last is whether two passes flag them at the certified threshold."""
ABLATION_BAGS = 2
CORES = 2
FPR = 0.01


def main() -> None:
    """Run everything on the standard training set that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traffic", type=Path)
    parser.add_argument("--accounts", type=Path, required=True, help="traffic with long accounts")
    parser.add_argument("--beside", type=Path, required=True, help="sessions learned from only")
    parser.add_argument("--accounts-beside", type=Path, required=True, help="accounts learned from")
    arguments = parser.parse_args()
    started = time.monotonic()
    told(f"{platform.machine()}, Python {platform.python_version()}, ", *versions())
    encoder = SentenceEncoder()
    areas = AreaMap.embedded(encoder)
    traffic = read_traffic([str(arguments.traffic)])
    every = traffic.followed_by(read_traffic([str(arguments.beside)]))
    truth = read_truth(every, MIN_PROMPTS)
    taught = Lessons.of(truth, embed(every.table["prompt"], encoder), areas)
    beside = truth.groups.first >= len(traffic)
    lessons = taught.take(np.flatnonzero(~beside))
    clock(started, "embedded and measured sessions")
    own_accounts = read_traffic([str(arguments.accounts)])
    long_traffic = own_accounts.followed_by(read_traffic([str(arguments.accounts_beside)]))
    long_truth = read_truth(long_traffic, LONG, by="account").beside(truth)
    read = embed_read(long_traffic.table["prompt"], long_truth.groups, encoder)
    taught_accounts = Lessons.of(long_truth, read, areas)
    long_beside = long_truth.groups.first >= len(own_accounts)
    accounts = taught_accounts.take(np.flatnonzero(~long_beside))
    clock(started, "embedded and measured accounts")
    folds = np.unique(lessons.truth.fold)
    parts = Parallel(n_jobs=CORES)(
        delayed(hold_out)(taught, beside, taught_accounts, long_beside, int(fold)) for fold in folds
    )
    both, exact, first = np.empty((3, len(lessons.truth.groups)))
    long = {name: np.empty(len(accounts.truth.groups)) for name in LONG_ONES}
    flagged, exactly, let_go = np.zeros((3, len(both)), dtype=bool)
    for fold, (found, of_accounts) in zip(folds, parts, strict=True):
        held = lessons.truth.fold == fold
        both[held], exact[held], first[held] = found.both, found.exact, found.first
        flagged[held] = found.both > found.route.threshold
        exactly[held] = found.exact > found.exact_route.threshold
        let_go[held] = found.first < found.route.let_go
        for name, scores in of_accounts.items():
            long[name][accounts.truth.fold == fold] = scores
    clock(started, "scored by models that saw nothing of a group")
    ours = {"**capscope**": both, "capscope `--exact`": exact, "its first pass alone": first}
    everyone = ours | peer_scores(traffic, lessons.truth, lessons.vectors)
    taught_measures = taught.measure_out_of_fold(np.arange(len(beside))).whole
    measures = taught_measures[~beside]
    best = best_measure(lessons.truth.extraction, measures)
    everyone[f"best single measure, `{best}`"] = measures[:, MEASURES.index(best)]
    everyone = {name: upward(lessons.truth, each) for name, each in everyone.items()}
    detectors(lessons.truth, everyone)
    by_kind(lessons.truth, everyone)
    clock(started, "scored by peers")
    passes(lessons.truth, let_go, flagged, exactly)
    operating(traffic, lessons.truth, both, flagged)
    account_level(accounts.truth, long)
    ablation(truth, taught_measures, beside)
    clock(started, "ablated")


@dataclass(frozen=True, slots=True)
class Found:
    """What a model says of sessions of a group that it saw nothing of.

    Attributes:
        first, exact, both: scores by the first pass, every prompt, and the two passes (sessions,).
        route, exact_route: with their thresholds.
    """

    first: Scores
    exact: Scores
    both: Scores
    route: Route
    exact_route: Route


def hold_out(
    lessons: Lessons, beside: Flags, accounts: Lessons, long_beside: Flags, fold: int
) -> tuple[Found, dict[str, Scores]]:
    """Score a group's sessions and accounts by a model of the others; accounts as `LONG_ONES`."""
    seen = lessons.truth.fold != fold
    held = np.flatnonzero(~seen & ~beside)
    sessions, others = np.flatnonzero(seen & ~beside), np.flatnonzero(seen & beside)
    parts = lessons.parts(np.flatnonzero(seen))
    learned = learn(lessons, sessions, accounts, others, np.flatnonzero(long_beside))
    measured = lessons.measure(held, parts)
    short = learned.short
    route = short.scores.route(FPR)
    first = short.passes.first.score_sessions(measured.first)
    exact = short.passes.whole.score_sessions(measured.whole)
    both = merge(first, short.passes.brief.score_sessions(measured.brief), route.let_go)
    own = np.flatnonzero((accounts.truth.fold == fold) & ~long_beside)
    of_accounts = dict.fromkeys(LONG_ONES, np.empty(0))
    if len(own) and (long := learned.long):
        told = accounts.measure(own, parts)
        certified = long.scores.route(FPR)
        whole = long.passes.whole.score_sessions(told.whole)
        merged = merge(
            long.passes.first.score_sessions(told.first),
            long.passes.brief.score_sessions(told.brief),
            certified.let_go,
        )
        as_sessions = short.passes.whole.score_sessions(told.whole)
        flags = (merged > certified.threshold).astype(np.float64)
        of_accounts = dict(zip(LONG_ONES, (merged, whole, as_sessions, flags), strict=True))
    return Found(first, exact, both, route, short.scores.route(FPR, exact=True)), of_accounts


def detectors(truth: Truth, everyone: Mapping[str, Scores]) -> None:
    """Print every detector's figures with intervals over sources."""
    told("\n| detector | AUROC | TPR at 1 % FPR | TPR at 0.1 % FPR |\n|---|---|---|---|")
    for name, scores in everyone.items():
        ranks = rankdata(scores) / (len(scores) + 1)
        found = intervals(truth.extraction, ranks, truth.source)
        figures = summary(truth.extraction, scores)
        cells = [f"{figures['auroc']:.3f} {span(found['auroc'], '.3f')}"]
        for fpr in ("0.01", "0.001"):
            interval = span(found[f"tpr_at_fpr_{fpr}"], ".1%")
            cells.append(f"{figures['tpr_at_fpr'][fpr]:.1%} {interval}")
        told(f"| {name} | {' | '.join(cells)} |")


def by_kind(truth: Truth, everyone: Mapping[str, Scores]) -> None:
    """Print what each detector finds of each kind at 1 % FPR."""
    kinds = sorted({k for k, e in zip(truth.about, truth.extraction, strict=True) if e})
    about = np.array(truth.about)
    told(f"\n| at 1 % FPR | {' | '.join(k.replace('_', ' ') for k in kinds)} |")
    told("|---" * (len(kinds) + 1) + "|")
    for name, scores in everyone.items():
        shown = [(about == kind) | ~truth.extraction for kind in kinds]
        cells = [f"{tpr_at_fpr(truth.extraction[of], scores[of], FPR):.0%}" for of in shown]
        told(f"| {name} | {' | '.join(cells)} |")


def passes(truth: Truth, let_go: Flags, flagged: Flags, exactly: Flags) -> None:
    """Print how many sessions the first pass lets go, and what that loses at the thresholds."""
    organic, extraction = ~truth.extraction, truth.extraction
    told(
        f"\nThe first pass lets {let_go[organic].mean():.1%} of organic sessions go and "
        f"{let_go[extraction].mean():.1%} of extraction: {(let_go & exactly & extraction).sum()} "
        f"of {(exactly & extraction).sum()} extraction sessions that `--exact` flags. `--exact` "
        f"flags {exactly[extraction].mean():.1%} of extraction and {exactly[organic].mean():.2%} "
        f"of organic sessions at its own thresholds, both passes {flagged[extraction].mean():.1%} "
        f"and {flagged[organic].mean():.2%}."
    )


def operating(traffic: Traffic, truth: Truth, scores: Scores, flagged: Flags) -> None:
    """Print calibration, the certified operating point, and what it does to applications."""
    extraction = truth.extraction
    told(f"\nExpected calibration error {calibration_error(extraction, scores):.3f}.")
    told(
        f"At each model's own threshold, certified for {FPR:.0%}: "
        f"{flagged[extraction].mean():.1%} of extraction and {flagged[~extraction].mean():.2%} of "
        f"{(~extraction).sum():,} organic sessions flagged."
    )
    bar = np.quantile(scores[~extraction], 1 - FPR)
    applications = np.flatnonzero([kind.startswith("application") for kind in truth.about])
    names = traffic.column("template", truth.groups.first[applications])
    rows = flagged_by(
        [[str(n)] for n in names], extraction[applications], scores[applications] > bar
    )
    over = {name: row for name, row in rows.items() if row["flagged"] > 0.02}
    told(f"{len(rows)} application templates; above 2 % flagged at 1 % FPR: {len(over)}.")
    for name, row in sorted(over.items(), key=lambda item: -item[1]["flagged"]):
        told(f"- `{name}`: {row['flagged']:.0%} of {row['sessions']} sessions")


def account_level(truth: Truth, scores: Mapping[str, Scores]) -> None:
    """Print figures on accounts of `LONG` prompts or more, by kind, and the worst organic ones."""
    extraction = truth.extraction
    told(
        f"\nAccounts of {LONG} prompts or more: {extraction.sum()} extraction, "
        f"{(~extraction).sum()} organic.\n\n| scored by | AUROC | TPR at 1 % FPR "
        "| TPR at 0.1 % FPR | calibration error |\n|---|---|---|---|---|"
    )
    both, *others, flagged = LONG_ONES
    for name in (both, *others):
        figures = summary(extraction, scores[name])
        rates = [f"{figures['tpr_at_fpr'][fpr]:.1%}" for fpr in ("0.01", "0.001")]
        error = calibration_error(extraction, scores[name])
        told(f"| {name} | {figures['auroc']:.3f} | {' | '.join(rates)} | {error:.3f} |")
    by_kind(truth, {name: scores[name] for name in (both, *others)})
    flags = scores[flagged] > 0
    told(
        f"\nAt each model's own threshold for accounts, certified for {FPR:.0%}: "
        f"{flags[extraction].mean():.1%} of extraction and {flags[~extraction].mean():.2%} of "
        "organic accounts flagged."
    )
    organic = np.flatnonzero(~extraction)
    highest = organic[np.argsort(-scores[both][organic])][: max(1, round(FPR * len(organic)))]
    kinds = Counter(f"{truth.about[i]} of {truth.sources[truth.source[i]]}" for i in highest)
    told(f"The {len(highest)} organic accounts with the highest scores:")
    for name, count in kinds.most_common():
        told(f"- {count} {name}")


def ablation(truth: Truth, measures: Scores, beside: Flags) -> None:
    """Print what is lost without each family of measures, and what each finds alone."""
    told("\n| measures | without: AUROC | TPR at 1 % FPR | alone: AUROC | TPR at 1 % FPR |")
    told("|---|---|---|---|---|")
    column = {name: i for i, name in enumerate(MEASURES)}
    every = set(column.values())
    families = {name: {column[m] for m in family} for name, family in FAMILIES.items()}
    jobs = [every, *(every - own for own in families.values()), *families.values()]
    found = Parallel(n_jobs=CORES)(
        delayed(refitted)(truth, measures, beside, sorted(chosen)) for chosen in jobs
    )
    told(f"| all | {found[0][0]:.3f} | {found[0][1]:.1%} | | |")
    half = len(families)
    for i, name in enumerate(families):
        without, alone = found[1 + i], found[1 + half + i]
        cells = f"{without[0]:.3f} | {without[1]:.1%} | {alone[0]:.3f} | {alone[1]:.1%}"
        told(f"| {name} | {cells} |")


def refitted(
    truth: Truth, measures: Scores, beside: Flags, chosen: list[int]
) -> tuple[float, float]:
    """Return AUROC and TPR at 1 % FPR, out of fold, of a smaller classifier."""
    amount = len(chosen) > 1 and MEASURES[chosen[-1]] == AMOUNT
    fitted = SessionClassifier(bags=ABLATION_BAGS, amount=amount)
    fitted.fit(measures[:, chosen], truth.extraction, truth.fold, truth.source)
    figures = summary(truth.extraction[~beside], fitted.out_of_fold_[~beside])
    return figures["auroc"], figures["tpr_at_fpr"]["0.01"]


def upward(truth: Truth, scores: Scores) -> Scores:
    """Return scores, turned round where organic sessions have the higher ones."""
    return scores if summary(truth.extraction, scores)["auroc"] >= 0.5 else -scores


def span(interval: Interval | None, how: str) -> str:
    """Write an interval."""
    return "" if interval is None else f"({interval[0]:{how}} to {interval[1]:{how}})"


def versions() -> list[str]:
    """Name what the figures rest on."""
    packages = ("torch", "sentence-transformers", "scikit-learn", "numpy")
    return [f"{package} {version(package)}; " for package in packages]


def clock(started: float, done: str) -> None:
    """Tell a person how long it has taken."""
    sys.stderr.write(f"{time.monotonic() - started:6.0f} s  {done}\n")


def told(*text: str) -> None:
    """Write a line of the results."""
    sys.stdout.write("".join(text) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
