"""What the command calls: logs or an index in, records of campaigns out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ...data import InputError, ReadOptions, check_output, read_traffic, write_records
from ...embed import open_encoder
from ...index import open_index
from ..model import load_model
from .campaign import Campaign, find_campaigns
from .corpus import Corpus
from .current import find_and_keep, state_of
from .judge import Judge
from .pivot import read_launches


def campaign_files(
    inputs: Sequence[str],
    output: Path | None,
    *,
    index: Path | None = None,
    fresh: bool = False,
    model: Path | None = None,
    launches: Sequence[str] = (),
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
) -> tuple[list[Campaign], str]:
    """Find campaigns in logs or in an index, and write a record for each.

    Those of an index are kept in its folder: they keep their ids when traffic is added, and say
    what became of them. With `fresh`, those of before are forgotten.

    Returns:
        The campaigns, and in one line what could not be read, or what changed.

    Raises:
        InputError: not exactly one of inputs and an index is given, or one of them, the output, a
            launch, the model or the encoder cannot be used; nothing is written then.
    """
    if bool(inputs) == (index is not None):
        raise InputError(
            "both inputs and an index" if inputs else "neither inputs nor an index",
            "INPUT... or --index DIR",
            "Name one of them.",
        )
    if fresh and index is None:
        raise InputError(
            "--fresh without an index", "--index DIR, where groups are kept", "Leave it out."
        )
    if output is not None:
        check_output(output)
    told = read_launches(launches)
    loaded = load_model(model)
    encoder = open_encoder(weights, cache)
    judge = Judge(loaded, encoder)
    if index is None:
        traffic = read_traffic(inputs, reading)
        found = find_campaigns(Corpus.of_traffic(traffic, encoder), judge, told)
        said = traffic.skipped.describe()
    else:
        of = state_of(index, model)
        opened = open_index(index)
        opened.check_encoder(encoder)
        found, gone = find_and_keep(index, opened, judge, told, fresh, of)
        said = f"{opened.rows.num_rows:,} prompts in {index}; {_changes(found, gone)}"
    write_records((one.record() for one in found), output)
    return found, said


def _changes(found: list[Campaign], gone: list[str]) -> str:
    """Say in a few words what became of the groups."""
    counts = Counter(one.history["change"] for one in found if one.history)
    told = [f"{count:,} {change}" for change, count in sorted(counts.items())]
    return "groups: " + ", ".join([*told, *([f"{len(gone):,} gone"] if gone else [])] or ["none"])
