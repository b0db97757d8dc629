"""Why a session was labelled as it was, for a person to check."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .known import KINDS
from .templates import Template

SHOWN = 5
"""Measures named in the evidence, those that moved the score most."""


def organic_percentile(value: float, quantiles: NDArray[np.float64]) -> float:
    """Return the share of organic training sessions below `value`, in percent.

    Args:
        value: of one measure.
        quantiles: of that measure among organic sessions, ascending (101,).
    """
    below = np.searchsorted(quantiles, value, side="left")
    upto = np.searchsorted(quantiles, value, side="right")
    return round(100.0 * (below + upto) / 2 / len(quantiles), 1)


def moved_most(
    names: list[str],
    values: NDArray[np.float64],
    effects: NDArray[np.float64],
    background: NDArray[np.float64],
) -> list[dict[str, Any]]:
    """Name the measures with the largest effect on the log-odds, up or down.

    Args:
        names: of the measures.
        values: of one session (measures,).
        effects: what each added to the log-odds (measures,).
        background: quantiles among organic sessions (measures, 101).
    """
    return [
        {
            "measure": names[i],
            "value": round(float(values[i]), 4),
            "organic_percentile": organic_percentile(values[i], background[i]),
            "effect": round(float(effects[i]), 3),
        }
        for i in np.argsort(-np.abs(effects), kind="stable")[:SHOWN]
    ]


def nearest_kind(known: NDArray[np.float32]) -> dict[str, Any]:
    """Say which kind of known prompts a session's prompts are nearest to.

    Args:
        known: similarity of each prompt to its nearest known prompt of each kind (n, kinds).
    """
    shares = np.bincount(known.argmax(axis=1), minlength=len(KINDS)) / len(known)
    best = int(shares.argmax())
    return {
        "kind": KINDS[best],
        "share": round(float(shares[best]), 4),
        "similarity": round(float(known[:, best].mean()), 4),
    }


def template_found(template: Template) -> dict[str, Any] | None:
    """Return the template that at least three prompts repeat, if there is one."""
    if template.skeleton is None or template.prompts < 3:
        return None
    return {
        "skeleton": template.skeleton,
        "prompts": template.prompts,
        "share": round(template.share, 4),
        "fixed": round(template.fixed, 4),
    }
