"""What a search starts from: a text, a file of texts, or a row of the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ..data import InputError
from ..embed import Encoder, open_encoder
from .search import Filter, matches
from .store import PromptIndex, open_index

ENCODED = 256
"""Texts that are encoded at once."""


def find_similar(
    folder: Path,
    text: str | None,
    texts: Path | None,
    row: str | None,
    *,
    k: int,
    where: Filter,
    least: float,
    weights: Path | None,
    cache: Path | None,
) -> Iterable[dict[str, Any]]:
    """Search the index in `folder` for one text, each line of a file, or what a row says.

    Raises:
        InputError: not exactly one of the three is given, or it or the index cannot be used.
    """
    given = [value for value in (text, texts, row) if value is not None]
    if len(given) != 1:
        raise InputError(
            f"{len(given)} things to look for",
            "one of a text, --texts and --id",
            "Name what to look for once.",
        )
    index = open_index(folder)
    if row is not None:
        return similar_to_row(index, row, k, where, least)
    encoder = open_encoder(weights, cache)
    if texts is not None:
        return similar_to_lines(index, texts, encoder, k, where, least)
    return similar(index, str(text), encoder, k, where, least)


def similar(
    index: PromptIndex,
    text: str,
    encoder: Encoder,
    k: int = 10,
    where: Filter | None = None,
    least: float = -1.0,
) -> list[dict[str, Any]]:
    """Return the `k` indexed prompts most like `text`; see `matches`.

    Raises:
        InputError: `encoder` is not the index's.
    """
    index.check_encoder(encoder)
    chosen = (where or Filter()).choose(index)
    return matches(index, encoder.encode([text])[0], k, chosen, least)


def similar_to_row(
    index: PromptIndex, row_id: str, k: int = 10, where: Filter | None = None, least: float = -1.0
) -> list[dict[str, Any]]:
    """Return the `k` indexed prompts most like that of a row, its own among them.

    Raises:
        InputError: the index has no such row.
    """
    row = pc.index(index.senders.row_id, row_id).as_py()
    if row < 0:
        raise InputError(
            f"no row {row_id} in the index",
            "the id of a record that `similar` gave",
            "Look for its text instead.",
        )
    vector = index.vector(int(index.senders.prompt[row]))
    return matches(index, vector, k, (where or Filter()).choose(index), least)


def similar_to_lines(
    index: PromptIndex,
    path: Path,
    encoder: Encoder,
    k: int = 10,
    where: Filter | None = None,
    least: float = -1.0,
) -> Iterator[dict[str, Any]]:
    """Yield, for each line of a file that has text, the `k` indexed prompts most like it.

    Each record says in `query` which line it answers, counted from 1, and in `text` what it says.

    Raises:
        InputError: `encoder` is not the index's, or the file cannot be read.
    """
    index.check_encoder(encoder)
    chosen = (where or Filter()).choose(index)
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            lines = ((number, line.strip()) for number, line in enumerate(file, 1))
            queries = ((number, text) for number, text in lines if text)
            while batch := list(islice(queries, ENCODED)):
                vectors = encoder.encode([text for _, text in batch])
                for (number, text), vector in zip(batch, vectors, strict=True):
                    for record in matches(index, vector, k, chosen, least):
                        yield {"query": number, "text": text, **record}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read ({type(error).__name__})",
            "a UTF-8 file with one text a line",
            "Check the path and how it is encoded.",
        ) from error
