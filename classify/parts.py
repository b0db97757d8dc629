"""What a model learns from single prompts, before it looks at sessions."""

from __future__ import annotations

from dataclasses import dataclass

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
