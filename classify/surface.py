"""What can be counted on the face of a prompt, for a whole column at once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

HEAD = 2000
"""Characters of a prompt that the patterns look at."""

PATTERNS = {
    "question": r"[?？]\s*$",
    "lower_start": r"^\s*[a-zà-ÿа-я]",
    "first_person": r"(?i)\b(i|i'm|i've|me|my|we|our|ich|mein|yo|mi|je|mon|eu|meu|я|мне)\b|我|私",
    "refers_back": r"(?i)^\W*(\w+\W+){0,3}?(it|that|this|these|those|above|again|instead|previous|"
    r"earlier|also|now|but|and|so|ok|okay|no|yes|still|another|more|same|das|auch|eso|ça|isso)\b",
    "courtesy": r"(?i)\b(please|thanks|thank you|sorry|hi|hello|hey|danke|bitte|gracias|merci)\b"
    r"|谢谢",
    "instructs": r"(?i)^\s*(you are|act as|given|consider|write|generate|create|implement|explain|"
    r"list|solve|compute|evaluate|rewrite|describe|identify|design|provide|read|look|use)\b",
    "demands_format": r"(?i)\b(json|xml|yaml|markdown|csv|format|fields?|schema|tags?|output only)"
    r"\b",
    "asks_reasoning": r"(?i)\b(step[- ]by[- ]step|reasoning|rationale|thought process|chain of|"
    r"think|show your work|explain (how|why|each)|justify|derivation|schritt|paso a paso|étape)\b"
    r"|一步|推理",
    "asks_grade": r"(?i)\b(rubric|criteri(a|on)|scores?|rate|rating|grade|evaluate|verdict|judge)"
    r"\b",
    "slots": r"(?i)\b(options?|choices?|input|question|context|task|instruction|answer)\s*[:：]",
}
"""Prompt-level patterns; each becomes the share of a session's prompts that match."""

COUNTS = ("log_length", "log_lines", "digits", "foreign")
"""What is counted in every prompt."""


def surface(texts: pa.Array) -> dict[str, NDArray[np.float64]]:
    """Return the columns of surface counts of prompts, each (n,) float64.

    One per entry of `PATTERNS`, 0 or 1, and `log_length` (natural logarithm of 1 + characters),
    `log_lines`, `digits` and `foreign` (shares of the characters that are digits, that are not
    ASCII).
    """
    head = pc.utf8_slice_codeunits(texts, 0, HEAD)
    size = np.maximum(_numbers(pc.utf8_length(head)), 1)
    columns = {
        name: _numbers(pc.match_substring_regex(head, pattern))
        for name, pattern in PATTERNS.items()
    }
    columns["log_length"] = np.log1p(_numbers(pc.utf8_length(texts)))
    columns["log_lines"] = np.log1p(_numbers(pc.count_substring(texts, "\n")))
    columns["digits"] = _numbers(pc.count_substring_regex(head, "[0-9]")) / size
    columns["foreign"] = _numbers(pc.count_substring_regex(head, r"[^\x00-\x7f]")) / size
    return columns


def _numbers(array: pa.Array) -> NDArray[np.float64]:
    return np.asarray(array.cast(pa.float64()), dtype=np.float64)
