"""What can be told without reading a prompt: the figures that labelled traffic must beat.

Traffic whose classes differ in volume, times or ids would teach a model its labelling, not its
subject. `blind` sees nothing but those; `lengths` sees nothing but how long prompts are.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import Groups, Traffic
from .truth import Truth

FOLDS = 5
IDS = ("session_id", "account_id", "request_id")
QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)

Columns = dict[str, NDArray[np.float64]]


def without_reading(traffic: Traffic, truth: Truth) -> dict[str, NDArray[np.float64]]:
    """Score sessions by each of the two, by trees that saw nothing of a session's split group.

    Where all are of one group, they saw nothing of its source.

    Returns:
        Scores (sessions,) by what they are of.
    """
    seen = {
        "prompt lengths alone": lengths(traffic, truth),
        "counts, times and ids alone": blind(traffic, truth),
    }
    apart = apart_from(truth)
    return {name: cross_fitted(cols, truth.extraction, apart) for name, cols in seen.items()}


def apart_from(truth: Truth) -> NDArray[np.int64]:
    """Return what a test is kept apart by: split groups, or sources where all are of one group."""
    return truth.fold if len(np.unique(truth.fold)) > 1 else truth.source


def blind(traffic: Traffic, truth: Truth) -> Columns:
    """Counts, times, ids, models and order of rows of each session, (sessions,) each."""
    groups = truth.groups
    seconds = _seconds(traffic)
    accounts = _codes(traffic, "account_id")
    models = _codes(traffic, "model")
    of_account = accounts[groups.first]
    hours = seconds[groups.first] / 3600
    columns = {
        "prompts": groups.sizes.astype(np.float64),
        "sessions of the account": np.bincount(of_account)[of_account].astype(np.float64),
        "prompts of the account": np.bincount(accounts)[of_account].astype(np.float64),
        "position": groups.first.astype(np.float64),
        "day": hours // 24,
        "weekday": hours // 24 % 7,
        "hour": hours % 24,
        "model": models[groups.first].astype(np.float64),
        "models of the account": _distinct(accounts, models)[of_account],
        "has a system prompt": _present(traffic, "system", groups),
    }
    columns |= {f"length of {name}": _length(traffic, name, groups) for name in IDS}
    columns |= {f"digits of {name}": _digits(traffic, name, groups) for name in IDS}
    columns |= _quartiles("pause", _pauses(seconds, groups))
    return columns


def lengths(traffic: Traffic, truth: Truth) -> Columns:
    """Statistics of prompt lengths of each session, in logarithms of characters (sessions,)."""
    chars = np.log1p(np.asarray(traffic.table["prompt_chars"], dtype=np.float64))
    return _quartiles("length", [chars[rows] for rows in truth.groups])


def cross_fitted(
    columns: Columns, extraction: NDArray[np.bool_], apart: NDArray[np.int64], seed: int = 0
) -> NDArray[np.float64]:
    """Score sessions by boosted trees that saw none of what is to be kept apart.

    Args:
        columns: what the trees may see (sessions,) each.
        extraction: the label (sessions,).
        apart: sessions that share a value stay on one side of each split (sessions,).
        seed: of the splits.

    Returns:
        Scores (sessions,) float64; a half where there is nothing to learn from.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    told = [column for column in columns.values() if np.isfinite(column).any()]
    features = np.stack(told, axis=1)
    scores = np.full(len(extraction), 0.5)
    folds = min(FOLDS, len(np.unique(apart)))
    if folds < 2:
        return scores
    splits = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for known, unknown in splits.split(features, extraction, apart):
        if len(np.unique(extraction[known])) < 2:
            continue
        trees = HistGradientBoostingClassifier(random_state=seed)
        trees.fit(features[known], extraction[known])
        scores[unknown] = trees.predict_proba(features[unknown])[:, 1]
    return scores


def _pauses(seconds: NDArray[np.float64], groups: Groups) -> list[NDArray[np.float64]]:
    return [np.log1p(np.maximum(np.diff(seconds[rows]), 0)) for rows in groups]


def _quartiles(name: str, of_sessions: list[NDArray[np.float64]]) -> Columns:
    """Mean, spread and quartiles of each session's values; missing where it has none."""
    empty = np.full(len(QUARTILES) + 2, np.nan)
    told = np.array(
        [
            [values.mean(), values.std(), *np.quantile(values, QUARTILES)] if len(values) else empty
            for values in of_sessions
        ]
    )
    names = ["mean", "spread", "least", "lower", "middle", "upper", "most"]
    return {f"{name}, {which}": told[:, i] for i, which in enumerate(names)}


def _seconds(traffic: Traffic) -> NDArray[np.float64]:
    times = traffic.table["timestamp"].cast(pa.int64()).cast(pa.float64())
    return np.asarray(times.fill_null(np.nan), dtype=np.float64) / 1e6


def _codes(traffic: Traffic, name: str) -> NDArray[np.int64]:
    """Number a column's values by how often they come, the most frequent 0."""
    values = np.asarray(traffic.table[name].fill_null(""), dtype=str)
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    rank = np.empty(len(count), dtype=np.int64)
    rank[np.argsort(-count, kind="stable")] = np.arange(len(count))
    return rank[code]


def _distinct(owners: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many different values each owner has (owners,)."""
    pairs = np.unique(np.stack([owners, values]), axis=1)
    return np.bincount(pairs[0]).astype(np.float64)


def _first(traffic: Traffic, name: str, groups: Groups) -> pa.Array:
    return traffic.table[name].take(pa.array(groups.first)).combine_chunks()


def _present(traffic: Traffic, name: str, groups: Groups) -> NDArray[np.float64]:
    return np.asarray(_first(traffic, name, groups).is_valid(), dtype=np.float64)


def _length(traffic: Traffic, name: str, groups: Groups) -> NDArray[np.float64]:
    lengths = pc.utf8_length(_first(traffic, name, groups)).cast(pa.float64())
    return np.asarray(lengths.fill_null(np.nan), dtype=np.float64)


def _digits(traffic: Traffic, name: str, groups: Groups) -> NDArray[np.float64]:
    digits = pc.count_substring_regex(_first(traffic, name, groups), "[0-9]").cast(pa.float64())
    return np.asarray(digits.fill_null(np.nan), dtype=np.float64)
