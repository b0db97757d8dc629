"""Prompts to unit vectors."""

from .cache import CachedEncoder, open_encoder
from .encoder import Encoder, SentenceEncoder
from .products import similarities
from .recurring import Recurring
from .vectors import Vectors, embed, watched
from .weights import find_weights

__all__ = [
    "CachedEncoder",
    "Encoder",
    "Recurring",
    "SentenceEncoder",
    "Vectors",
    "embed",
    "find_weights",
    "open_encoder",
    "similarities",
    "watched",
]
