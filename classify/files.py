"""What the commands call: logs in, verdicts, models and figures out."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data import (
    By,
    InputError,
    ReadOptions,
    check_folder,
    check_output,
    is_folder_of,
    read_traffic,
    write_records,
)
from ..embed import open_encoder
from .evaluate import evaluate
from .label import label
from .model import KIND, load_model, save_model
from .promote import Comparison, check_better, weigh
from .report import write_report
from .scored import hold_out, score_sessions
from .train import train

TOP = 10
"""Extraction verdicts that a summary names."""


@dataclass(slots=True)
class Summary:
    """What a run of `label` found.

    Attributes:
        skipped: what could not be read, in one line.
        output: where the records are; None for standard output.
        by: what was judged.
        counts: verdicts by label.
        top: the extraction records with the highest scores, highest first.
    """

    skipped: str
    output: Path | None
    by: By
    counts: Counter[str] = field(default_factory=Counter)
    top: list[dict[str, Any]] = field(default_factory=list)

    def watch(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Pass records on, counting them."""
        heap: list[tuple[float, int, dict[str, Any]]] = []
        for number, record in enumerate(records):
            self.counts[record["label"]] += 1
            if record["label"] == "extraction":
                item = (record["score"], -number, record)
                (heapq.heappushpop if len(heap) >= TOP else heapq.heappush)(heap, item)
            yield record
        self.top = [record for _, _, record in sorted(heap, reverse=True)]


def label_files(
    inputs: Sequence[str],
    output: Path | None,
    *,
    model: Path | None = None,
    by: By = "session",
    max_fpr: float | None = None,
    campaigns: bool = False,
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
) -> Summary:
    """Label the traffic in `inputs` and write a record for each session, or account.

    With `campaigns`, groups of accounts are found in it first, and records name them and gain from
    them; see `campaigns.with_campaigns`.

    Raises:
        InputError: an input, the output, the model or the encoder cannot be used; nothing is
            written then.
    """
    if output is not None:
        check_output(output)
    loaded = load_model(model)
    loaded.threshold(max_fpr)
    traffic = read_traffic(inputs, reading)
    encoder = open_encoder(weights, cache)
    verdicts = label(traffic, encoder, loaded, by=by, max_fpr=max_fpr)
    records: Iterable[dict[str, Any]] = (verdict.record(by) for verdict in verdicts)
    if campaigns:
        from .campaigns import Corpus, Judge, find_campaigns, prior_of, with_campaigns

        found = find_campaigns(Corpus.of_traffic(traffic, encoder), Judge(loaded, encoder))
        records = with_campaigns(records, found, prior_of(loaded))
    summary = Summary(traffic.skipped.describe(), output, by)
    write_records(summary.watch(records), output)
    return summary


def train_files(
    inputs: Sequence[str],
    output: Path,
    *,
    labels: Path | None = None,
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
) -> str:
    """Train a model on labelled traffic, write its folder and return its card.

    Raises:
        InputError: an input or the output cannot be used, or the labels do not carry a model;
            nothing is written then.
    """
    check_folder(output.parent)
    if output.exists() and not is_folder_of(output, KIND):
        if not output.is_dir() or any(output.iterdir()):
            raise InputError(
                f"{output} holds something else",
                "a model folder to replace, an empty folder or a new name",
                "Name another folder for the model.",
            )
    traffic = read_traffic(inputs, reading)
    model = train(traffic, open_encoder(weights, cache), labels)
    save_model(model, output)
    return model.card


def evaluate_files(
    inputs: Sequence[str],
    output: Path | None,
    *,
    model: Path | None = None,
    against: Path | None = None,
    labels: Path | None = None,
    html: Path | None = None,
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
) -> dict[str, Any]:
    """Measure a model on labelled traffic, write the figures as one JSON record and return them.

    Args:
        inputs: files, folders or globs.
        output: a .json file; None for standard output.
        model: its folder; None for the shipped one.
        against: the folder of a model to compare it with.
        labels: a labels file, instead of the traffic's column.
        html: where a report for people goes.
        weights: the encoder's folder.
        cache: where vectors are kept from run to run; None to keep none.
        reading: how logs are read.

    Raises:
        InputError: an input, an output, a model or the labels cannot be used; nothing is written
            then.
    """
    if output is not None:
        check_output(output, (".json", ".jsonl"))
    if html is not None:
        check_output(html, (".html",))
    loaded = load_model(model)
    other = load_model(against) if against else None
    traffic = read_traffic(inputs, reading)
    figures = evaluate(traffic, open_encoder(weights, cache), loaded, labels, other)
    write_records([figures], output)
    if html is not None:
        measured = f"{model or 'the shipped model'} on {', '.join(inputs)}"
        write_report(figures, html, measured + (f", against {against}" if against else ""))
    return figures


def promote_files(
    candidate: Path,
    current: Path,
    on: Sequence[str],
    *,
    labels: Path | None = None,
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
) -> Comparison | None:
    """Put a candidate in the place of the current model, in one step, unless it is worse.

    What is written is what was measured: the candidate as it was loaded.

    Returns:
        How the two compare; None where there was no current model.

    Raises:
        InputError: the candidate is worse beyond noise, or a model or the traffic cannot be used;
            nothing changes then.
    """
    check_folder(current if current.exists() else current.parent)
    if current.exists() and candidate.resolve() == current.resolve():
        raise InputError(
            f"{candidate} as both the candidate and the current model",
            "two model folders",
            "Name the folder that the candidate was trained into.",
        )
    model = load_model(candidate)
    comparison = None
    if current.exists():
        models = [model, load_model(current)]
        held = hold_out(read_traffic(on, reading), open_encoder(weights, cache), models, labels)
        comparison = weigh(*(score_sessions(held, each) for each in models))
        check_better(comparison)
    save_model(model, current)
    return comparison
