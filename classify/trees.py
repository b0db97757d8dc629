"""Boosted trees as plain arrays: scored, explained and stored without running code of a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier

Matrix = NDArray[np.float64]

RATE, DEPTH = 0.06, 3
LEAF, LEAF_SHARE = 20, 0.01
"""The fewest rows of a leaf, where there are twenty times as many; more of many rows."""
CHUNK = 2048
"""Rows that walk down all trees at once."""


@dataclass(frozen=True, slots=True)
class Bags:
    """How many bags, the share of the sources in each, and how many trees grow on it."""

    count: int
    share: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Forest:
    """Binary trees, one after the other, and what each node expects.

    Attributes:
        feature: the column that a node looks at; -1 for a leaf (nodes,) int16.
        threshold: a row whose value is at most this goes left (nodes,) float32.
        left: the number of a node's left child; the right one is next to it (nodes,) int32.
        value: what the rows of a node add to the log-odds, on average (nodes,) float32.
        root: the number of each tree's first node (trees,) int32.
        base: the log-odds before any tree.
    """

    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    value: NDArray[np.float32]
    root: NDArray[np.int32]
    base: float

    def __post_init__(self) -> None:
        """Raise `ValueError` unless every walk from a root ends in a leaf."""
        nodes = len(self.feature)
        inner = np.flatnonzero(self.feature >= 0)
        if not len(self.threshold) == len(self.left) == len(self.value) == nodes:
            raise ValueError("the arrays of its trees differ in length")
        if len(self.root) == 0 or self.root.min() < 0 or self.root.max() >= nodes:
            raise ValueError("its trees have no roots")
        if (self.left[inner] <= inner).any() or (self.left[inner] + 1 >= nodes).any():
            raise ValueError("its trees do not end")

    def effects(self, rows: Matrix) -> Matrix:
        """Return what each column adds to the log-odds (rows, columns).

        Each step of a row's walk changes what its node expects; the change is the effect of the
        column that the step looked at (Saabas 2014; Palczewska et al. 2013). With `expected` the
        effects of a row add up to its log-odds.
        """
        told = np.zeros(rows.shape)
        for start in range(0, len(rows), CHUNK):
            self._walk(rows[start : start + CHUNK].astype(np.float32), told[start : start + CHUNK])
        return told

    def log_odds(self, rows: Matrix) -> NDArray[np.float64]:
        """Return the log-odds of the positive class (rows,)."""
        return np.asarray(self.effects(rows).sum(axis=1) + self.expected)

    @property
    def expected(self) -> float:
        """The log-odds of which effects are the rest."""
        return self.base + float(self.value[self.root].astype(np.float64).sum())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, for a model folder."""
        return {f"trees-{f.name}": np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        """Return the forest that `arrays` were taken from.

        Raises:
            KeyError: an array is missing.
            ValueError: they do not fit together.
        """
        named: dict[str, Any] = {f.name: arrays[f"trees-{f.name}"] for f in fields(cls)}
        return cls(**named | {"base": float(named["base"])})

    def _walk(self, rows: NDArray[np.float32], told: Matrix) -> None:
        row = np.repeat(np.arange(len(rows)), len(self.root))
        node = np.tile(self.root.astype(np.int64), len(rows))
        while len(node):
            inner = self.feature[node] >= 0
            row, node = row[inner], node[inner]
            column = self.feature[node].astype(np.int64)
            child = self.left[node] + (rows[row, column] > self.threshold[node])
            change = self.value[child].astype(np.float64) - self.value[node]
            place = row * told.shape[1] + column
            told += np.bincount(place, change, told.size).reshape(told.shape)
            node = child.astype(np.int64)


def grow(
    rows: Matrix,
    positive: NDArray[np.bool_],
    weight: NDArray[np.float64],
    source: NDArray[np.int64],
    bags: Bags,
) -> Forest:
    """Grow boosted trees (Friedman 2001) on bags of sources, each bag's weight 1 / bags.

    A bag holds a share of the sources (Breiman 1996, with sources for rows): what only one source
    shows is seen by few bags and outvoted by the others.

    Args:
        rows: (n, columns).
        positive: the label (n,).
        weight: how much each row counts (n,).
        source: rows that share a value are in the same bags (n,).
        bags: how many, and how large.
    """
    names = np.unique(source)
    size = max(1, round(bags.share * len(names)))
    rng = np.random.default_rng(0)
    grown = []
    for _ in range(bags.count):
        seen = np.isin(source, rng.choice(names, size, replace=False))
        if len(np.unique(positive[seen])) < 2:
            seen = np.ones(len(rows), dtype=bool)
        trees = GradientBoostingClassifier(
            n_estimators=bags.rounds,
            learning_rate=RATE,
            max_depth=DEPTH,
            min_samples_leaf=max(1, min(LEAF, seen.sum() // 20), int(LEAF_SHARE * seen.sum())),
            max_features=0.2,
            subsample=0.5,
            random_state=0,
        )
        grown.append(trees.fit(rows[seen], positive[seen], weight[seen]))
    return _joined(grown)


def _joined(grown: list[GradientBoostingClassifier]) -> Forest:
    """Lay trees out level by level, so that every child stands after its parent."""
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    value: list[float] = []
    root: list[int] = []
    base = 0.0
    for trees in grown:
        weight = trees.learning_rate / len(grown)
        prior = float(trees.init_.class_prior_[1])
        base += float(np.log(prior / (1 - prior))) / len(grown)
        for tree in (estimator.tree_ for estimator in trees.estimators_[:, 0]):
            means = weight * _means(tree)
            root.append(len(feature))
            queue: Iterable[int] = [0]
            ahead = len(feature) + 1
            while queue:
                below: list[int] = []
                for node in queue:
                    is_leaf = tree.children_left[node] < 0
                    feature.append(-1 if is_leaf else int(tree.feature[node]))
                    threshold.append(float(tree.threshold[node]))
                    left.append(0 if is_leaf else ahead + len(below))
                    value.append(float(means[node]))
                    if not is_leaf:
                        below += [int(tree.children_left[node]), int(tree.children_right[node])]
                ahead += len(below)
                queue = below
    return Forest(
        np.array(feature, dtype=np.int16),
        np.array(threshold, dtype=np.float32),
        np.array(left, dtype=np.int32),
        np.array(value, dtype=np.float32),
        np.array(root, dtype=np.int32),
        base,
    )


def _means(tree: Any) -> Matrix:  # noqa: ANN401
    """Return the mean of the leaves below each node, by the rows that reach them (nodes,)."""
    value = tree.value[:, 0, 0].copy()
    reach = tree.weighted_n_node_samples
    for node in range(len(value) - 1, -1, -1):
        pair = [tree.children_left[node], tree.children_right[node]]
        if pair[0] >= 0:
            value[node] = (value[pair] * reach[pair]).sum() / reach[pair].sum()
    return np.asarray(value)
