"""Prompts to unit vectors."""

from .cache import CachedEncoder, open_encoder
from .encoder import Encoder, SentenceEncoder, comparable
from .recurring import Recurring
from .runtime import one_thread
from .vectors import Vectors, distinct, embed, watched
from .weights import find_weights

__all__ = [
    "CachedEncoder",
    "Encoder",
    "Recurring",
    "SentenceEncoder",
    "Vectors",
    "comparable",
    "distinct",
    "embed",
    "find_weights",
    "one_thread",
    "open_encoder",
    "watched",
]
