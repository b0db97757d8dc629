"""What an encoder is, and all-MiniLM-L6-v2 or another sentence-transformers model as one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import WeightsError
from .bert import Bert, Precision, fastest, read_shape
from .weights import FILE, NAME, find_weights, sha256

BATCH = 16
"""Prompts per batch of a model that sentence-transformers runs (docs/decisions.md)."""


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


def comparable(fingerprint: str, other: str) -> bool:
    """Tell whether vectors of two encoders can be compared: of one, or of two precisions of it.

    The cosine of the two stays above 0.9995 (docs/decisions.md).

    >>> comparable("m:1f:256 tokens:float32", "m:1f:256 tokens:bfloat16")
    True
    >>> comparable("m:1f:256 tokens:float32", "m:2e:256 tokens:float32")
    False
    """
    one, two = (
        each.removesuffix(":float32").removesuffix(":bfloat16") for each in (fingerprint, other)
    )
    return one == two


class SentenceEncoder:
    """`all-MiniLM-L6-v2`, or another sentence-transformers model from a folder.

    BERT with mean pooling is run by `bert.py`, any other model by sentence-transformers. The
    weights of the former are loaded when the first text is encoded, so that work whose vectors
    are all known already does not wait for them.
    """

    def __init__(self, weights: Path | None = None, precision: Precision | None = None) -> None:
        """Find the model: at `weights`, in the installed package, or on the hub, in this order.

        Args:
            weights: a folder.
            precision: of products; the fastest that the machine has where None.

        Raises:
            WeightsError: there is none, or it cannot be loaded.
        """
        self._folder = find_weights(weights)
        self._shape = read_shape(self._folder)
        name = NAME.split("/")[1] if weights is None else self._folder.name
        limit = self._shape.limit if self._shape else self._sentences.max_seq_length
        self._precision = (precision or fastest()) if self._shape else "float32"
        weights_sha = sha256(self._folder / FILE)[:16]
        self._fingerprint = f"{name}:{weights_sha}:{limit} tokens:{self._precision}"

    @property
    def fingerprint(self) -> str:
        """The model's name, the start of its weights' sha-256, its length limit and precision."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector, 384 for MiniLM."""
        if self._shape:
            return self._shape.dimension
        return int(self._sentences.get_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text (len(texts), dimension) float32.

        Raises:
            WeightsError: the weights cannot be loaded.
        """
        if self._shape:
            return self._bert.encode(texts)
        vectors = self._sentences.encode(
            list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)

    @cached_property
    def _bert(self) -> Bert:
        from safetensors import SafetensorError

        assert self._shape is not None
        try:
            return Bert(self._folder, self._shape, self._precision)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            raise self._broken(error) from error

    @cached_property
    def _sentences(self) -> Any:  # noqa: ANN401
        from .runtime import sentence_transformers

        try:
            return sentence_transformers().SentenceTransformer(
                str(self._folder), local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> WeightsError:
        return WeightsError(
            f"the encoder in {self._folder} cannot be loaded ({type(error).__name__})",
            "a whole sentence-transformers folder",
            "Install or copy it again.",
        )
