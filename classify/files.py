"""What the commands call: logs in, verdicts, models and figures out."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data import (
    By,
    InputError,
    ReadOptions,
    StoredRecords,
    check_folder,
    check_output,
    describe_inputs,
    is_folder_of,
    read_traffic,
    seal,
    write_records,
)
from ..data.shards import SIZE
from ..embed import open_encoder
from .engines import Engine, labelled, open_engine
from .evaluate import evaluate
from .model import KIND, load_model, model_folder, save_model
from .promote import Comparison, check_better, weigh_all
from .report import write_report
from .run import describe, go_on, is_left, run_folder, start
from .shard import Labeller
from .train import train

TOP = 10
"""Records of extraction that a summary names."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Summary:
    """What a run of `label` found.

    Attributes:
        skipped: what could not be read, in one line.
        output: where the records are; None for standard output.
        by: what was judged.
        counts: verdicts by label.
        top: the records of extraction with the highest scores, highest first.
    """

    skipped: str
    output: Path | None
    by: By
    counts: Counter[str] = field(default_factory=Counter)
    top: list[dict[str, Any]] = field(default_factory=list)

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Count more records; of equal scores the first stands first."""
        for record in records:
            self.counts[record["label"]] += 1
            if record["label"] == "extraction":
                if len(self.top) < TOP or record["score"] > self.top[-1]["score"]:
                    self.top.append(record)
                    self.top.sort(key=lambda one: -one["score"])
                    del self.top[TOP:]


def label_files(
    inputs: Sequence[str],
    output: Path | None,
    *,
    model: Path | None = None,
    by: By = "session",
    max_fpr: float | None = None,
    exact: bool = False,
    campaigns: bool = False,
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
    engine: Engine = "local",
    resume: bool = False,
    size: int = SIZE,
) -> Summary:
    """Label the traffic in `inputs` and write a record for each session, or account.

    The traffic is cut into shards on disk and labelled shard by shard, so memory does not grow
    with it. To standard output, records go as soon as their shard is done. With `campaigns`, all
    of it is read once more, to find groups of accounts in it, and records are written at the end.

    Args:
        inputs: files, folders or globs.
        output: a .jsonl, .csv or .parquet file; None for standard output.
        model: its folder; None for the shipped one.
        by: what is judged.
        max_fpr: the promised rate of false positives; the model's own where None.
        exact: whether the transformer reads every prompt.
        campaigns: whether records name the groups of their accounts and gain from them; see
            `campaigns.with_campaigns`.
        weights: the encoder's folder.
        cache: where vectors are kept from run to run; None to keep none.
        reading: how logs are read.
        engine: where shards are labelled: in this process, or on a Ray cluster.
        resume: go on with what a run that was cut off has left beside the output.
        size: prompts of a shard; the records are the same for any.

    Raises:
        InputError: an input, the output, the model or the encoder cannot be used, or there is
            nothing that may be gone on with; no output is written then.
    """
    reading = reading or ReadOptions()
    if output is not None:
        check_output(output)
    if resume and (output is None or "-" in inputs):
        raise InputError(
            "--resume without an output file" if output is None else "--resume of standard input",
            "files in and a file out",
            "Name the output with -o and the logs by their paths.",
        )
    if campaigns and "-" in inputs:
        raise InputError(
            "--campaigns of standard input", "logs that can be read twice", "Name files."
        )
    work = open_engine(engine)
    labeller = Labeller(model, weights, cache, by, max_fpr, exact)
    labeller.check()
    about = describe(
        describe_inputs(inputs),
        reading,
        model=seal(model_folder(model)),
        encoder=labeller.encoder.fingerprint,
        by=by,
        max_fpr=max_fpr,
        exact=exact,
        size=size,
    )
    with run_folder(output) as folder:
        left = is_left(folder)
        if left and not resume:
            log.warning("%s: left by a run that was cut off; begun anew, without it", folder)
        run = (
            go_on(folder, about)
            if left and resume
            else start(folder, inputs, reading, by, about, size)
        )
        summary = Summary(run.skipped, output, by)
        show = sys.stderr.isatty() and (output is not None or not sys.stdout.isatty())
        at_once = output is None and not campaigns
        for part in labelled(run, labeller, work, show):
            if at_once:
                summary.add(StoredRecords([part]))
                write_records(StoredRecords([part]), None)
        if not at_once:
            records = StoredRecords(list(run.parts().values()))
            if campaigns:
                records = _with_campaigns(records, inputs, reading, labeller, folder)
            summary.add(records)
            write_records(records, output, folder)
    return summary


def _with_campaigns(
    records: StoredRecords,
    inputs: Sequence[str],
    reading: ReadOptions,
    labeller: Labeller,
    folder: Path,
) -> StoredRecords:
    from .campaigns import Corpus, Judge, find_campaigns, prior_of, with_campaigns

    corpus = Corpus.of_traffic(read_traffic(inputs, reading), labeller.encoder)
    found = find_campaigns(corpus, Judge(labeller.judge, labeller.encoder))
    moved = folder / "records.jsonl"
    write_records(with_campaigns(records, found, prior_of(labeller.judge)), moved)
    return StoredRecords([moved])


def train_files(
    inputs: Sequence[str],
    output: Path,
    *,
    accounts: Sequence[str] = (),
    beside: Sequence[str] = (),
    accounts_beside: Sequence[str] = (),
    labels: Path | None = None,
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
) -> str:
    """Train a model on labelled traffic, write its folder and return its card.

    The accounts of 200 prompts or more of `accounts` are learned from as a whole; the sessions of
    `beside` and the accounts of `accounts_beside` without any promise resting on them; see `train`.

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
    given = (accounts, beside, accounts_beside)
    more = [read_traffic(each, reading) if each else None for each in given]
    model = train(traffic, open_encoder(weights, cache), labels, *more)
    save_model(model, output)
    return model.card


def evaluate_files(
    inputs: Sequence[str],
    output: Path | None,
    *,
    model: Path | None = None,
    by: By = "session",
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
        by: what is judged.
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
    figures = evaluate(traffic, open_encoder(weights, cache), loaded, labels, other, by)
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
) -> list[Comparison]:
    """Put a candidate in the place of the current model, in one step, unless it is worse.

    What is written is what was measured: the candidate as it was loaded.

    Returns:
        How the two compare on sessions, and on long accounts where there are enough of them; none
        where there was no current model.

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
    comparisons = []
    if current.exists():
        traffic, encoder = read_traffic(on, reading), open_encoder(weights, cache)
        comparisons = weigh_all(model, load_model(current), traffic, encoder, labels)
        check_better(comparisons)
    save_model(model, current)
    return comparisons
