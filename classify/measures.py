"""The measures of a session: one small named function each, in families."""

from __future__ import annotations

from .halves import HALVES
from .likeness import LIKENESS
from .meaning import SCORES, WORDING
from .surface import COUNTS

AMOUNT = "amount"
"""How many prompts the other measures rest on: it weighs them and says nothing by itself."""

MEASURES = (
    *SCORES,
    *WORDING,
    *("cohesion", "nearest_mean", "nearest_high", "nearest_spread", "nearest_low", "dimensions"),
    *("flow", "shared_words", "word_overlap", "word_growth", "openings", "closings", "layouts"),
    *("near_follow", "lag_drop", "length_jumps", "repeats"),
    *("template_share", "template_fixed", "template_absent"),
    *("length_spread", "lines_spread", "function_spread", "climb"),
    *("focus", "cell_evenness", "novelty", "order"),
    *COUNTS,
    *HALVES,
    AMOUNT,
)
"""The names of all measures, in the order of a model's columns; `AMOUNT` is the last."""

SECOND = tuple(name for name in MEASURES if name in SCORES or name in LIKENESS)
"""Those that need vectors."""

FIRST = tuple(name for name in MEASURES if name not in SECOND)
"""Those that do not: all that the first pass reads."""

FAMILIES = {
    "prompt head": tuple(SCORES),
    "word head": tuple(name for name in WORDING if name.startswith("wording_")),
    "frame": ("frame",),
    "likeness": (
        "cohesion",
        "nearest_mean",
        "nearest_high",
        "nearest_spread",
        "nearest_low",
        "dimensions",
    ),
    "turns": ("flow", "shared_words", "word_overlap", "near_follow", "lag_drop"),
    "template": ("template_share", "template_fixed", "template_absent", "repeats"),
    "variety": ("word_growth", "openings", "closings", "layouts"),
    "lengths": (
        *("length_spread", "lines_spread", "length_jumps", "climb"),
        *("log_length", "log_lines", "digits", "foreign"),
    ),
    "function words": ("function_words", "function_spread", "word_length"),
    "coverage": ("focus", "cell_evenness", "novelty", "order"),
    "likelier half": tuple(HALVES),
    "amount": (AMOUNT,),
}
"""What `make bench-detect` leaves out in turn; every measure is in one family."""
