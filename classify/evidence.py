"""Why a session was labelled as it was, for a person to check."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.templates import Template, shortened
from .known import KINDS, Nearest

SHOWN = 5
"""Measures named in the evidence, those that moved the score most."""
PROMPTS, SHOWN_PROMPT = 3, 200


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


def nearest_kind(nearest: Nearest, sources: list[str]) -> dict[str, Any]:
    """Say which kind of known prompts a session's prompts are nearest to, and which source.

    Args:
        nearest: the known prompt of each kind that is nearest to each prompt.
        sources: the names of the known prompts' sources.
    """
    shares = np.bincount(nearest.similarity.argmax(axis=1), minlength=len(KINDS))
    best = int(shares.argmax())
    return {
        "kind": KINDS[best],
        "share": round(float(shares[best]) / len(nearest.similarity), 4),
        "similarity": round(float(nearest.similarity[:, best].mean()), 4),
        "kinds": {
            kind: {
                "similarity": round(float(nearest.similarity[:, i].mean()), 4),
                "source": sources[int(np.bincount(nearest.source[:, i]).argmax())],
            }
            for i, kind in enumerate(KINDS)
        },
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
        "fills": template.fills,
    }


def weighed_most(texts: list[str], weights: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Return the different prompts that speak most for extraction, the first first.

    Args:
        texts: of a session (n,).
        weights: the log-odds of its prompts by themselves (n,).
    """
    shown: dict[str, float] = {}
    for i in np.argsort(-weights, kind="stable"):
        if len(shown) < PROMPTS:
            shown.setdefault(shortened(texts[i], SHOWN_PROMPT), round(float(weights[i]), 3))
    return [{"prompt": prompt, "weight": weight} for prompt, weight in shown.items()]
