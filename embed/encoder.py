"""What an encoder is, and sentence-transformers as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import WeightsError
from .weights import FILE, NAME, find_weights, sha256

BATCH = 16
"""Prompts per batch: 16 was the fastest of 16, 32 and 64 on two cores (docs/decisions.md)."""


class Encoder(Protocol):
    """Anything that turns texts into unit vectors."""

    @property
    def fingerprint(self) -> str:
        """A name for everything that decides the numbers: weights, length limit, pooling."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text (len(texts), dimension) float32."""
        ...


class SentenceEncoder:
    """`all-MiniLM-L6-v2`, or another sentence-transformers model from a folder."""

    def __init__(self, weights: Path | None = None) -> None:
        """Load the model: from `weights`, the installed package, or the hub, in this order.

        Raises:
            WeightsError: there are none, or they cannot be loaded.
        """
        from .runtime import sentence_transformers

        folder = find_weights(weights)
        try:
            self._model = sentence_transformers().SentenceTransformer(
                str(folder), local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise WeightsError(
                f"the encoder in {folder} cannot be loaded ({type(error).__name__})",
                "a whole sentence-transformers folder",
                "Install or copy it again.",
            ) from error
        name = NAME.split("/")[1] if weights is None else folder.name
        limit = self._model.max_seq_length
        self._fingerprint = f"{name}:{sha256(folder / FILE)[:16]}:{limit} tokens:float32"
        self._dimension = int(self._model.get_embedding_dimension() or 0)

    @property
    def fingerprint(self) -> str:
        """The model's name, the start of its weights' sha-256, its length limit and precision."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector, 384 for MiniLM."""
        return self._dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text (len(texts), dimension) float32."""
        vectors = self._model.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)
