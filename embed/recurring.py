"""Texts that will come again are kept on disk; all others pass by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cache import CachedEncoder
from .encoder import Encoder


@dataclass(frozen=True, slots=True)
class Recurring:
    """An encoder that looks up and keeps only the vectors of texts that are known to recur.

    Traffic that is read in parts mostly meets a text once. A cache of everything would cost
    1.5 kB of disk a text, at random places, for nothing.

    Attributes:
        encoder: what encodes.
        cache: over the same encoder.
        texts: those that recur.
    """

    encoder: Encoder
    cache: CachedEncoder
    texts: frozenset[str]

    @property
    def fingerprint(self) -> str:
        """The encoder's."""
        return self.encoder.fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self.encoder.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text (len(texts), dimension) float32.

        Raises:
            CacheError: the cache cannot be read or written.
        """
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        again = np.array([text in self.texts for text in texts], dtype=bool)
        ways: list[tuple[NDArray[np.bool_], Encoder]] = [
            (again, self.cache),
            (~again, self.encoder),
        ]
        for which, encoder in ways:
            places = np.flatnonzero(which).tolist()
            if places:
                rows[places] = encoder.encode([texts[place] for place in places])
        return rows
