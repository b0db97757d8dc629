"""Prompts to unit vectors."""

from .encoder import Encoder, SentenceEncoder
from .vectors import Vectors, embed
from .weights import find_weights

__all__ = ["Encoder", "SentenceEncoder", "Vectors", "embed", "find_weights"]
