"""What the command calls: logs or an index in, records of campaigns out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...data import InputError, ReadOptions, check_output, read_traffic, write_records
from ...embed import open_encoder
from ...index import open_index
from ..model import load_model
from .campaign import Campaign, find_campaigns
from .corpus import Corpus
from .judge import Judge
from .pivot import read_launches


def campaign_files(
    inputs: Sequence[str],
    output: Path | None,
    *,
    index: Path | None = None,
    model: Path | None = None,
    launches: Sequence[str] = (),
    weights: Path | None = None,
    cache: Path | None = None,
    reading: ReadOptions | None = None,
) -> tuple[list[Campaign], str]:
    """Find campaigns in logs or in an index, and write a record for each.

    Returns:
        The campaigns, and in one line what could not be read.

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
    if output is not None:
        check_output(output)
    told = read_launches(launches)
    loaded = load_model(model)
    if index is not None:
        opened = open_index(index)
        encoder = open_encoder(weights, cache)
        opened.check_encoder(encoder)
        corpus, skipped = Corpus.of_index(opened), f"{opened.rows.num_rows:,} prompts in {index}"
    else:
        traffic = read_traffic(inputs, reading)
        encoder = open_encoder(weights, cache)
        corpus, skipped = Corpus.of_traffic(traffic, encoder), traffic.skipped.describe()
    found = find_campaigns(corpus, Judge(loaded, encoder), told)
    write_records((one.record() for one in found), output)
    return found, skipped
