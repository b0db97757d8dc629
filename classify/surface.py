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

COUNTS = ("log_length", "log_lines", "digits", "foreign")
"""What is counted in every prompt."""


def surface(texts: pa.Array) -> dict[str, NDArray[np.float64]]:
    """Return the columns of surface counts of prompts, each (n,) float64.

    `log_length` (natural logarithm of 1 + characters), `log_lines` (of 1 + line ends), `digits`
    and `foreign` (shares of the first `HEAD` characters that are digits, that are not ASCII).
    """
    head = pc.utf8_slice_codeunits(texts, 0, HEAD)
    size = np.maximum(_numbers(pc.utf8_length(head)), 1)
    return {
        "log_length": np.log1p(_numbers(pc.utf8_length(texts))),
        "log_lines": np.log1p(_numbers(pc.count_substring(texts, "\n"))),
        "digits": _numbers(pc.count_substring_regex(head, "[0-9]")) / size,
        "foreign": _numbers(pc.count_substring_regex(head, r"[^\x00-\x7f]")) / size,
    }


def elicits(texts: pa.Array) -> NDArray[np.float64]:
    """Say of each text, 0 or 1, whether it asks for reasoning or for grades."""
    return np.asarray(pc.match_substring_regex(texts, ELICITATION), dtype=np.float64)


def _numbers(array: pa.Array) -> NDArray[np.float64]:
    return np.asarray(array.cast(pa.float64()), dtype=np.float64)
