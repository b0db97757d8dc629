"""How a group works: how it divides its prompts, its hours, and how it grew."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.optimize import brentq

from .things import Floats, Ints

REPEATED = 1.2
"""Accounts per prompt below which it cannot be told how prompts were divided."""


def division(of: Ints, prompt: Ints) -> float | None:
    """Return how distinct prompts fall on accounts: 0 dealt out, 1 by chance, above 1 picked.

    The variance of the number of accounts that send a prompt, over that of a Poisson number that is
    not 0 and has the same mean (the index of dispersion, Fisher 1950). None where a prompt is sent
    by fewer than 1.2 accounts on average.

    Args:
        of: the account of each row (n,).
        prompt: the number of each row's prompt (n,).
    """
    pairs = np.unique(prompt * (of.max() + 1) + of)
    senders = np.unique(pairs // (of.max() + 1), return_counts=True)[1]
    mean = float(senders.mean())
    if mean < REPEATED or len(senders) < 2:
        return None
    rate = float(brentq(lambda x: x / -np.expm1(-x) - mean, 1e-9, mean))
    return round(float(senders.var(ddof=1)) / (mean * (1.0 + rate - mean)), 4)


def schedule(times: Ints) -> dict[str, Any] | None:
    """Return when a group asks; None where no prompt has a time.

    `hours` is the entropy of the hours of the day over ln 24 (Pielou 1966): 1 where all are alike.
    `burstiness` is (s - m) / (s + m) of the pauses between the group's prompts, m their mean and s
    their standard deviation (Goh and Barabási 2008): -1 for a clock, 0 for chance.

    Args:
        times: microseconds since 1970, below 0 for none (n,).
    """
    known = np.sort(times[times >= 0])
    if not len(known):
        return None
    hours = np.bincount(known // 3_600_000_000 % 24, minlength=24) / len(known)
    some = hours[hours > 0]
    pauses = np.diff(known)
    mean, spread = (float(pauses.mean()), float(pauses.std())) if len(pauses) else (0.0, 0.0)
    return {
        "first": told(int(known[0])),
        "last": told(int(known[-1])),
        "hours": round(float(-(some * np.log(some)).sum() / np.log(24)) + 0.0, 4),
        "burstiness": round((spread - mean) / (spread + mean), 4) if spread + mean else None,
    }


def growth(of: Ints, times: Ints) -> dict[str, str] | None:
    """Return by when a quarter, half, three quarters and all of the accounts had asked first."""
    known = times >= 0
    if not known.any():
        return None
    order = np.lexsort((times[known], of[known]))
    _, place = np.unique(of[known][order], return_index=True)
    firsts: Floats = np.sort(times[known][order][place]).astype(np.float64)
    ends = np.quantile(firsts, [0.25, 0.5, 0.75, 1.0], method="inverted_cdf")
    return {f"{q}%": told(int(end)) for q, end in zip((25, 50, 75, 100), ends, strict=True)}


def told(time: int) -> str:
    """Return microseconds since 1970 as ISO 8601 in seconds."""
    return datetime.fromtimestamp(time // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
