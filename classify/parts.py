"""What a model learns from single prompts, before it looks at sessions."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import sparse

from ..embed import Vectors
from .features import Readings
from .head import Head
from .words import WordHead


@dataclass(frozen=True, slots=True)
class Parts:
    """What is learned from single prompts.

    Attributes:
        head: the prompt head.
        words: the word head.
    """

    head: Head
    words: WordHead

    def read(self, vectors: Vectors, counted: sparse.csr_matrix) -> Readings:
        """Say of each distinct prompt, its words counted, what the parts say of it."""
        return Readings(
            self.head.scores(vectors.rows),
            self.words.scores(counted),
            self.words,
        )
