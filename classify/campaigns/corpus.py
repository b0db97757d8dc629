"""The rows of traffic and their distinct prompts, whether they come from logs or from an index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import Traffic
from ...embed import Encoder, embed
from ...index import PromptIndex
from .things import Ints


@dataclass(frozen=True, slots=True)
class Corpus:
    """Rows of traffic and the distinct prompts in them, in the order of their texts.

    Attributes:
        table: the columns of traffic (rows).
        prompt: the number of each row's prompt (rows,) int64.
        texts: the distinct prompts (distinct,).
        vectors: returns the unit vectors of the prompts with these numbers (n, dimension) float32.
    """

    table: pa.Table
    prompt: Ints
    texts: pa.Array
    vectors: Callable[[Ints], NDArray[np.float32]]

    @classmethod
    def of_traffic(cls, traffic: Traffic, encoder: Encoder) -> Corpus:
        """Take the rows of a traffic; only the prompts that are asked for are ever embedded."""
        coded = traffic.table["prompt"].combine_chunks().dictionary_encode()
        texts, _, place = _in_order(coded.dictionary)

        def vectors(numbers: Ints) -> NDArray[np.float32]:
            found = embed(pa.chunked_array([texts.take(pa.array(numbers))]), encoder)
            return found.rows[found.of]

        return cls(traffic.table, place[np.asarray(coded.indices)], texts, vectors)

    @classmethod
    def of_index(cls, index: PromptIndex) -> Corpus:
        """Take the rows of an index, and its vectors."""
        every = index.vectors
        texts, order, place = _in_order(index.prompts.combine_chunks())
        prompt = place[np.asarray(index.rows["prompt"])]
        return cls(index.rows, prompt, texts, lambda numbers: every[order[numbers]])

    def named(self, numbers: Ints) -> list[str]:
        """Return the prompts with these numbers."""
        return [str(text) for text in self.texts.take(pa.array(numbers)).to_pylist()]


def spread(rows: Ints, of: Ints, most: int) -> Ints:
    """Choose rows of as many accounts as there are, one after the other, in a fixed way.

    Args:
        rows: in time order (n,).
        of: the account of each (n,).
        most: how many to choose.
    """
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], of[order])
    turn = np.empty(len(rows), np.int64)
    turn[order] = np.arange(len(rows)) - starts
    chosen = np.lexsort((of, turn))[:most]
    return rows[np.sort(chosen)]


def _in_order(texts: pa.Array) -> tuple[pa.Array, Ints, Ints]:
    """Sort texts; return them, where each came from, and where each went."""
    order = np.asarray(pc.sort_indices(texts), dtype=np.int64)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return texts.take(pa.array(order)), order, place
