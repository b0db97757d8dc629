"""Trees and curves as arrays: against scikit-learn's, and what a broken folder may hold."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from capscope.classify.curves import Curves, fit_curves
from capscope.classify.trees import DEPTH, RATE, Bags, Forest, grow

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(600, 5))
POSITIVE = ROWS[:, 0] * ROWS[:, 1] + 0.5 * ROWS[:, 2] + RNG.normal(size=600) > 0
EVEN = np.ones(600)
EACH = np.arange(600)
ONE = Bags(1, 1.0, 10)
"""One bag of everything."""


@pytest.fixture(scope="module")
def forest() -> Forest:
    """Trees over three bags, each with the rows of half the sources."""
    return grow(ROWS, POSITIVE, EVEN, EACH // 20, Bags(3, 0.5, 40))


def test_one_bag_of_everything_scores_as_scikit_learn_does() -> None:
    grown = grow(ROWS, POSITIVE, EVEN, EACH, Bags(1, 1.0, 40))
    oracle = GradientBoostingClassifier(
        n_estimators=40,
        learning_rate=RATE,
        max_depth=DEPTH,
        min_samples_leaf=20,
        max_features=0.2,
        subsample=0.5,
        random_state=0,
    ).fit(ROWS, POSITIVE, EVEN)
    np.testing.assert_allclose(grown.log_odds(ROWS), oracle.decision_function(ROWS), atol=1e-5)


def test_effects_add_up_and_a_column_that_no_tree_looks_at_has_none() -> None:
    constant = np.column_stack([ROWS, np.zeros(600)])
    grown = grow(constant, POSITIVE, EVEN, EACH, Bags(2, 0.5, 20))
    effects = grown.effects(constant)
    np.testing.assert_allclose(effects.sum(axis=1) + grown.expected, grown.log_odds(constant))
    assert not effects[:, 5].any()
    assert np.abs(effects[:, :3]).mean() > np.abs(effects[:, 3:5]).mean()


def test_many_rows_score_as_each_alone(forest: Forest) -> None:
    many = np.tile(ROWS, (5, 1))
    np.testing.assert_array_equal(forest.log_odds(many)[-600:], forest.log_odds(ROWS))
    alone = [forest.log_odds(row[None])[0] for row in ROWS[:5]]
    np.testing.assert_allclose(alone, forest.log_odds(ROWS)[:5], rtol=1e-12)


def test_what_one_source_shows_is_outvoted() -> None:
    """One source of twenty is all positive and marked by a column; unmarked rows carry nothing."""
    source = EACH // 30
    rows = RNG.normal(size=(600, 2))
    positive = RNG.random(600) < 0.4
    rows[source == 0, 0] += 6
    positive[source == 0] = True
    marked = np.array([[6.0, 0.0]])
    few = grow(rows, positive, EVEN, source, Bags(12, 0.3, 60)).log_odds(marked)[0]
    every = grow(rows, positive, EVEN, source, Bags(12, 1.0, 60)).log_odds(marked)[0]
    assert few < every


@pytest.mark.parametrize(
    "broken",
    [
        lambda a: a | {"trees-left": np.zeros_like(a["trees-left"])},
        lambda a: a | {"trees-left": a["trees-left"] + np.int32(10**6)},
        lambda a: a | {"trees-root": a["trees-root"] - 10**6},
        lambda a: a | {"trees-root": a["trees-root"][:0]},
        lambda a: a | {"trees-value": a["trees-value"][:-1]},
    ],
)
def test_trees_that_would_not_end_are_refused(
    forest: Forest, broken: Callable[[dict[str, NDArray[Any]]], dict[str, NDArray[Any]]]
) -> None:
    assert Forest.from_arrays(forest.arrays()).expected == forest.expected
    with pytest.raises(ValueError, match="trees"):
        Forest.from_arrays(broken(forest.arrays()))


def test_curves_follow_what_a_measure_says_by_itself() -> None:
    positive = ROWS[:, 2] + RNG.normal(size=600) > 0
    rows = np.column_stack([ROWS[:, 2], np.exp(3 * ROWS[:, 2]), ROWS[:, 3], np.zeros(600)])
    curves = fit_curves(rows, positive, EVEN)
    effects = curves.effects(rows)
    assert roc_auc_score(positive, curves.log_odds(rows)) > 0.7
    np.testing.assert_allclose(effects[:, 0], effects[:, 1], atol=0.1)
    np.testing.assert_allclose(effects.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(effects[:, 3], 0, atol=1e-12)
    assert (np.diff(curves.heights[0]) >= 0).all()
    with pytest.raises(ValueError, match="differ in shape"):
        Curves(curves.knots, curves.heights[:, 1:], 0.0)


def test_tied_values_share_one_height() -> None:
    rows = np.array([[0.0]] * 300 + [[1.0]] * 300)
    curves = fit_curves(rows, EACH >= 280, EVEN)
    low, high = curves.effects(np.array([[0.0], [1.0]]))[:, 0]
    assert low < 0 < high
    assert low == pytest.approx(-high, rel=0.05)


def test_the_same_rows_again_are_trusted_no_more() -> None:
    many = 5 * len(ROWS)
    rows, positive = (np.concatenate([each] * 5) for each in (ROWS, POSITIVE))
    once, twice = (
        fit_curves(np.tile(rows, (n, 1)), np.tile(positive, n), np.ones(n * many)) for n in (1, 2)
    )
    np.testing.assert_allclose(twice.heights, once.heights, atol=2e-3)
    leaves = grow(
        np.tile(rows, (2, 1)), np.tile(positive, 2), np.ones(2 * many), np.arange(2 * many), ONE
    )
    oracle = GradientBoostingClassifier(
        n_estimators=ONE.rounds,
        learning_rate=RATE,
        max_depth=DEPTH,
        min_samples_leaf=2 * many // 100,
        max_features=0.2,
        subsample=0.5,
        random_state=0,
    ).fit(np.tile(rows, (2, 1)), np.tile(positive, 2))
    np.testing.assert_allclose(leaves.log_odds(ROWS), oracle.decision_function(ROWS), atol=1e-5)
