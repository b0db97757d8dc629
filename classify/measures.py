"""The measures of a session: one small named function each, in families."""

from __future__ import annotations

from .meaning import MEANING
from .structure import STRUCTURE
from .surface import COUNTS

MEASURES = (*MEANING, *STRUCTURE)
"""The names of all measures, in the order of a model's columns."""

FAMILIES = {
    "prompt head": tuple(name for name in MEANING if name.startswith("score_")),
    "word head": tuple(name for name in MEANING if name.startswith("wording_")),
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
    "lengths": ("length_spread", "lines_spread", "length_jumps", "climb", *COUNTS),
    "coverage": ("focus", "cell_evenness", "novelty", "order"),
}
"""What `make bench-detect` leaves out in turn; every measure is in one family."""
