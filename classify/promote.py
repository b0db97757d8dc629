"""Whether a candidate may take the place of the current model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ..data import InputError
from .intervals import FEWEST, Difference, differences
from .metrics import TITLES
from .scored import Held, Scored

GUARDED = ("auroc", "tpr_at_fpr_0.01", "calibration_error")
"""The figures on which a candidate may not be worse."""
FEWEST_SESSIONS = 20
"""Fewest sessions of each label that a candidate is compared on."""
LEVEL = 0.05
"""The accepted chance that a promise which is kept looks broken."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate beside the current model, on sessions that neither learned from.

    Attributes:
        sessions: how many.
        differences: candidate minus current, by figure.
        promised: the candidate's promised false-positive rate.
        organic: organic sessions.
        false_alarms: of them, flagged at the candidate's own threshold.
    """

    sessions: int
    differences: dict[str, Difference]
    promised: float
    organic: int
    false_alarms: int

    @property
    def p_value(self) -> float:
        """The chance of so many false alarms, were the promise kept; sessions as independent."""
        test = binomtest(self.false_alarms, self.organic, self.promised, alternative="greater")
        return float(test.pvalue)

    def faults(self) -> list[str]:
        """Say on what the candidate is worse beyond noise, with figures."""
        worse = [self.differences[name] for name in GUARDED if self.differences[name].worse]
        told = [f"{TITLES[each.name]} {_figures(each)}" for each in worse]
        if self.p_value < LEVEL:
            rate = self.false_alarms / self.organic
            told.append(
                f"{self.false_alarms} of {self.organic} organic sessions flagged ({rate:.1%}) at a "
                f"promise of {self.promised:.1%} (p = {self.p_value:.2g})"
            )
        return told

    def record(self) -> dict[str, Any]:
        """Return it for the output."""
        return {
            "sessions": self.sessions,
            "organic": self.organic,
            "differences": {name: d.record() for name, d in self.differences.items()},
            "promised_fpr": self.promised,
            "fpr": round(self.false_alarms / self.organic, 4),
        }


def weigh(candidate: Scored, current: Scored) -> Comparison:
    """Compare two models on the same sessions, by paired draws of sources.

    Raises:
        InputError: the sessions are too few, or of too few sources.
    """
    _check_enough(candidate.held)
    held = candidate.held
    extraction = held.truth.extraction
    return Comparison(
        len(extraction),
        differences(extraction, candidate.scores, current.scores, held.source),
        candidate.model.max_fpr,
        int((~extraction).sum()),
        int(candidate.flagged[~extraction].sum()),
    )


def check_better(comparison: Comparison) -> None:
    """Raise `InputError` where the candidate is worse than the current model beyond noise."""
    if faults := comparison.faults():
        raise InputError(
            f"the candidate is worse on {comparison.sessions} sessions: " + "; ".join(faults),
            "no figure worse than the current model's beyond noise, and a kept promise",
            "Keep the current model, or train another candidate.",
        )


def _check_enough(held: Held) -> None:
    extraction = held.truth.extraction
    organic = ~extraction
    if min(extraction.sum(), organic.sum()) < FEWEST_SESSIONS:
        raise InputError(
            f"{extraction.sum()} extraction and {organic.sum()} organic sessions that neither "
            "model learned from",
            f"at least {FEWEST_SESSIONS} of each",
            "Name more labelled traffic with --on.",
        )
    if min(len(np.unique(held.source[of])) for of in (extraction, organic)) < FEWEST:
        raise InputError(
            "all sessions of one label are of one source or account",
            f"sessions of at least {FEWEST} for each label",
            "Name traffic of other sources with --on.",
        )


def _figures(difference: Difference) -> str:
    low, high = difference.interval or (np.nan, np.nan)
    return (
        f"{difference.model:.3f} against {difference.other:.3f} "
        f"(difference 95 % within {low:+.3f} to {high:+.3f})"
    )
