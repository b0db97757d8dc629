"""The model card: what a model learned from, its figures and its limits."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from ..data import JOIN, Traffic
from .baselines import without_reading
from .learn import Learned
from .levels import LONG, Level
from .measures import MEASURES
from .metrics import summary, tpr_at_fpr
from .passes import merge
from .threshold import strictest_promise
from .truth import Truth

CARD = """# Model card

A session classifier of capscope {version}: it scores how much a session of LLM traffic looks like
curriculum-style extraction. Scores are alerts for a person to check, never grounds to act alone.

## What it learned from

{sessions:,} sessions, {prompts:,} prompts: {organic:,} organic and {extraction:,} extraction, in
{folds} split groups; {left_out:,} sessions were left out for want of a label or of prompts.
{beside}Encoder: `{encoder}`.

| kind of session | sessions | flagged at 1 % FPR |
|---|---|---|
{kinds}

Sources: {sources}.

## How good it is

Each figure is on sessions of split groups that the model scoring them saw nothing of.

| scored by | AUROC | TPR at 1 % FPR | TPR at 0.1 % FPR |
|---|---|---|---|
{scores}

{long}The first pass, which needs no transformer, calls {let_go} of organic sessions organic by
itself, and {let_go_extraction} of extraction.

## Limits

- The sessions are composed from public prompts. No real campaign's traffic was seen, so these
  figures compare detectors; they do not promise a rate in the field.
- The certified threshold holds for organic sessions like those it was set on; unless told
  otherwise it promises a false-positive rate of {promise}.
- Fewer than five prompts are not judged. Languages other than English are read poorly by the
  encoder.
- Prompts that are relayed from other people's organic use look organic.
"""


BESIDE = "{:,} other sessions were learned from as well; no figure or promise here is of them.\n"

OTHERS = ",\nand from {:,} other accounts that no figure or promise here is of"

LONG_ONES = """Sessions and accounts of {long} prompts or more have classifiers and a threshold of
their own. They learned from {extraction:,} extraction and {organic:,} organic accounts beside the
sessions{others}:

| accounts scored by | AUROC | TPR at 1 % FPR | TPR at 0.1 % FPR |
|---|---|---|---|
{row}

"""


def write_card(
    traffic: Traffic,
    truth: Truth,
    learned: Learned,
    encoder: str,
) -> str:
    """Write a model's card from what it was trained on and what came of it.

    Args:
        traffic: the training traffic.
        truth: its labelled sessions.
        learned: from them.
        encoder: the fingerprint.
    """
    from importlib.metadata import version

    scores, measures = learned.short.scores, learned.measured.whole
    promise = strictest_promise(scores.organic)
    route = scores.route(promise)
    both = merge(scores.first, scores.brief, route.let_go)
    let_go = scores.first < route.let_go
    flagged = both > np.quantile(both[~truth.extraction], 0.99)
    kinds = Counter(truth.about)
    about = np.array(truth.about)
    named = traffic.column("source", truth.groups.first)
    sources = {part for name in named if name for part in name.split(JOIN)}
    best = best_measure(truth.extraction, measures)
    rows = {
        "the model, in two passes": both,
        "the model, every prompt read (`--exact`)": scores.whole,
        "its first pass alone": scores.first,
        f"its best single measure, `{best}`": measures[:, MEASURES.index(best)],
        **without_reading(traffic, truth),
    }
    return CARD.format(
        version=version("capscope"),
        sessions=len(truth.groups),
        prompts=len(truth.groups.rows),
        organic=int((~truth.extraction).sum()),
        extraction=int(truth.extraction.sum()),
        folds=len(np.unique(truth.fold)),
        left_out=truth.left_out,
        encoder=encoder,
        beside=BESIDE.format(learned.beside) if learned.beside else "",
        promise=promise,
        let_go=f"{let_go[~truth.extraction].mean():.0%}",
        let_go_extraction=f"{let_go[truth.extraction].mean():.0%}",
        kinds="\n".join(
            f"| {kind} | {count} | {flagged[about == kind].mean():.1%} |"
            for kind, count in sorted(kinds.items())
        ),
        sources=", ".join(f"`{source}`" for source in sorted(sources)) or "not named",
        scores="\n".join(_row(name, truth.extraction, values) for name, values in rows.items()),
        long=_long(learned.long, learned.long_beside) if learned.long else "",
    )


def best_measure(extraction: NDArray[np.bool_], measures: NDArray[np.float64]) -> str:
    """Name the measure that alone ranks sessions best, upward or downward, by AUROC."""
    gains = [abs(summary(extraction, column)["auroc"] - 0.5) for column in measures.T]
    return MEASURES[int(np.argmax(gains))]


def _long(level: Level, beside: int) -> str:
    scores = level.scores
    extraction = int(scores.extraction.sum())
    return LONG_ONES.format(
        long=LONG,
        extraction=extraction,
        organic=scores.organic,
        others=OTHERS.format(beside) if beside else "",
        row=_row("every prompt read", scores.extraction, scores.whole),
    )


def _row(name: str, extraction: NDArray[np.bool_], scores: NDArray[np.float64]) -> str:
    if summary(extraction, scores)["auroc"] < 0.5:
        scores = -scores
    auroc = summary(extraction, scores)["auroc"]
    rates = [f"{tpr_at_fpr(extraction, scores, fpr):.1%}" for fpr in (0.01, 0.001)]
    return f"| {name} | {auroc:.3f} | {' | '.join(rates)} |"
