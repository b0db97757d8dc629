"""Whether a candidate may take the place of the current model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from ..data import InputError, Traffic
from ..embed import Encoder
from .intervals import FEWEST, Difference, differences
from .metrics import TITLES
from .model import SessionModel
from .scored import Held, Scored, hold_out, hold_out_long, score_sessions

GUARDED = ("auroc", "tpr_at_fpr_0.01", "calibration_error")
"""The figures on which a candidate may not be worse."""
FEWEST_SESSIONS = 20
"""Fewest sessions, or accounts, of each label that a candidate is compared on."""
LEVEL = 0.05
"""The accepted chance that a promise which is kept looks broken."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate beside the current model, on what neither learned from.

    Attributes:
        units: "sessions", or long "accounts".
        number: how many of them.
        differences: candidate minus current, by figure.
        promised: the candidate's promised false-positive rate.
        organic: organic ones.
        false_alarms: of them, flagged at the candidate's own threshold.
    """

    units: str
    number: int
    differences: dict[str, Difference]
    promised: float
    organic: int
    false_alarms: int

    @property
    def p_value(self) -> float:
        """The chance of so many false alarms, were the promise kept; all as independent."""
        test = binomtest(self.false_alarms, self.organic, self.promised, alternative="greater")
        return float(test.pvalue)

    def faults(self) -> list[str]:
        """Say on what the candidate is worse beyond noise, with figures."""
        worse = [self.differences[name] for name in GUARDED if self.differences[name].worse]
        told = [f"{TITLES[each.name]} {_figures(each)}" for each in worse]
        if self.p_value < LEVEL:
            rate = self.false_alarms / self.organic
            told.append(
                f"{self.false_alarms} of {self.organic} organic {self.units} flagged ({rate:.1%}) "
                f"at a promise of {self.promised:.1%} (p = {self.p_value:.2g})"
            )
        return told

    def record(self) -> dict[str, Any]:
        """Return it for the output."""
        return {
            self.units: self.number,
            "organic": self.organic,
            "differences": {name: d.record() for name, d in self.differences.items()},
            "promised_fpr": self.promised,
            "fpr": round(self.false_alarms / self.organic, 4),
        }


def weigh(candidate: Scored, current: Scored, units: str = "sessions") -> Comparison:
    """Compare two models on the same sessions or accounts, by paired draws of sources.

    Raises:
        InputError: they are too few, or of too few sources.
    """
    _check_enough(candidate.held, units)
    held = candidate.held
    extraction = held.truth.extraction
    return Comparison(
        units,
        len(extraction),
        differences(extraction, candidate.scores, current.scores, held.source),
        candidate.model.max_fpr,
        int((~extraction).sum()),
        int(candidate.flagged[~extraction].sum()),
    )


def weigh_all(
    candidate: SessionModel,
    current: SessionModel,
    traffic: Traffic,
    encoder: Encoder,
    labels: Path | None = None,
) -> list[Comparison]:
    """Compare two models on sessions, and on long accounts where the traffic has enough of them.

    Raises:
        InputError: see `hold_out` and `weigh`.
    """
    models = (candidate, current)

    def weighed(held: Held, units: str) -> Comparison:
        ours, theirs = (score_sessions(held, model) for model in models)
        return weigh(ours, theirs, units)

    held = hold_out(traffic, encoder, models, labels)
    compared = [weighed(held, "sessions")]
    with suppress(InputError):
        compared.append(weighed(hold_out_long(held, models, labels), "accounts"))
    return compared


def check_better(comparisons: Sequence[Comparison]) -> None:
    """Raise `InputError` where the candidate is worse than the current model beyond noise."""
    if worse := [(each, faults) for each in comparisons if (faults := each.faults())]:
        found = [f"on {each.number} {each.units}: " + "; ".join(told) for each, told in worse]
        raise InputError(
            f"the candidate is worse {', and '.join(found)}",
            "no figure worse than the current model's beyond noise, and a kept promise",
            "Keep the current model, or train another candidate.",
        )


def _check_enough(held: Held, units: str) -> None:
    extraction = held.truth.extraction
    organic = ~extraction
    if min(extraction.sum(), organic.sum()) < FEWEST_SESSIONS:
        raise InputError(
            f"{extraction.sum()} extraction and {organic.sum()} organic {units} that neither "
            "model learned from",
            f"at least {FEWEST_SESSIONS} of each",
            "Name more labelled traffic with --on.",
        )
    if min(len(np.unique(held.source[of])) for of in (extraction, organic)) < FEWEST:
        raise InputError(
            f"all {units} of one label are of one source or account",
            f"{units} of at least {FEWEST} for each label",
            "Name traffic of other sources with --on.",
        )


def _figures(difference: Difference) -> str:
    low, high = difference.interval or (np.nan, np.nan)
    return (
        f"{difference.model:.3f} against {difference.other:.3f} "
        f"(difference 95 % within {low:+.3f} to {high:+.3f})"
    )
