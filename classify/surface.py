"""What can be counted on the face of a prompt, for a whole column at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

HEAD = 2000
"""Characters of a prompt's start that are counted."""

ELICITATION = (
    r"(?i)\b(step[- ]by[- ]step|reasoning|rationale|thought process|chain of|think|show your work|"
    r"explain (how|why|each)|justify|derivation|schritt|paso a paso|étape)\b|一步|推理|"
    r"\b(rubric|criteri(a|on)|scores?|rate|rating|grade|evaluate|verdict|judge)\b"
)
"""Words that ask for reasoning or for grades."""

FUNCTION_WORDS = (
    r"(?i)\b(a|about|after|also|an|and|are|as|at|be|been|before|but|by|can|could|did|do|does|for|"
    r"from|had|has|have|he|her|here|him|his|how|i|if|in|into|is|it|its|just|may|me|might|must|my|"
    r"no|not|of|on|or|our|over|she|should|so|than|that|the|their|them|then|there|these|they|this|"
    r"those|to|us|was|we|were|what|when|where|which|who|why|will|with|would|you|your)\b"
)
"""English words that carry grammar rather than matter; most prompts of people are full of them."""

COUNTS = ("log_length", "log_lines", "digits", "foreign", "function_words", "word_length")
"""What is counted in every prompt."""


def surface(texts: pa.Array) -> dict[str, NDArray[np.float64]]:
    """Return the columns of surface counts of prompts, each (n,) float64.

    `log_length` (natural logarithm of 1 + characters), `log_lines` (of 1 + line ends), and of the
    first `HEAD` characters `digits` and `foreign` (shares that are digits, that are not ASCII),
    `function_words` (share of the words that are `FUNCTION_WORDS`, the complement of lexical
    density, Ure 1971) and `word_length` (letters of a word).
    """
    head = pc.utf8_slice_codeunits(texts, 0, HEAD)
    size = np.maximum(_numbers(pc.utf8_length(head)), 1)
    words = np.maximum(_numbers(pc.count_substring_regex(head, r"\pL+")), 1)
    letters = pc.utf8_length(pc.replace_substring_regex(head, r"\PL+", ""))
    return {
        "log_length": np.log1p(_numbers(pc.utf8_length(texts))),
        "log_lines": np.log1p(_numbers(pc.count_substring(texts, "\n"))),
        "digits": _numbers(pc.count_substring_regex(head, "[0-9]")) / size,
        "foreign": _numbers(pc.count_substring_regex(head, r"[^\x00-\x7f]")) / size,
        "function_words": _numbers(pc.count_substring_regex(head, FUNCTION_WORDS)) / words,
        "word_length": _numbers(letters) / words,
    }


def elicits(texts: pa.Array) -> NDArray[np.float64]:
    """Say of each text, 0 or 1, whether it asks for reasoning or for grades."""
    return np.asarray(pc.match_substring_regex(texts, ELICITATION), dtype=np.float64)


def _numbers(array: pa.Array) -> NDArray[np.float64]:
    return np.asarray(array.cast(pa.float64()), dtype=np.float64)
