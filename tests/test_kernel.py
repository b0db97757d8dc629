"""The kernel machine: against scikit-learn's, its effects against the integrals that they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC

from capscope.classify import kernel
from capscope.classify.curves import fit_curves, normal_at, read_at
from capscope.classify.kernel import COST, GAMMA, Kernel, fit_kernel

RNG = np.random.default_rng(0)
ROWS = np.column_stack([RNG.normal(size=(700, 4)), np.exp(RNG.normal(size=700)), np.zeros(700)])
POSITIVE = ROWS[:, 0] * ROWS[:, 1] + 0.5 * ROWS[:, 2] + 0.5 * RNG.normal(size=700) > 0
WEIGHT = RNG.uniform(0.5, 2.0, 700)


@pytest.fixture(scope="module")
def machine() -> Kernel:
    """A machine that learned from all rows."""
    return fit_kernel(ROWS, POSITIVE, WEIGHT)


def scored(machine: Kernel, rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of rows."""
    return read_at(rows, machine.knots, normal_at(machine.knots))


def test_margins_are_those_of_scikit_learn(machine: Kernel) -> None:
    scores = scored(machine, ROWS)
    oracle = SVC(C=COST, gamma=GAMMA).fit(scores, POSITIVE, WEIGHT)
    np.testing.assert_allclose(machine.log_odds(ROWS), oracle.decision_function(scores), atol=1e-3)


def test_effects_are_integrals_on_the_way_from_the_medians(machine: Kernel) -> None:
    row = ROWS[7:8]
    end = scored(machine, row)[0]
    steps = (np.arange(2000) + 0.5) / 2000
    away = steps[:, None, None] * end - machine.centres.astype(np.float64)
    near = machine.weights * np.exp(-GAMMA * (away**2).sum(axis=2))
    gradient = -2.0 * GAMMA * (near[:, :, None] * away).sum(axis=1)
    expected = gradient.mean(axis=0) * end
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(machine.effects(row)[0], expected, atol=1e-6)


def test_effects_add_up_and_a_measure_without_news_has_none(machine: Kernel) -> None:
    effects = machine.effects(ROWS)
    scores = scored(machine, ROWS)
    centres = machine.centres.astype(np.float64)
    apart = ((scores[:, None] - centres) ** 2).sum(axis=2)
    gained = (np.exp(-GAMMA * apart) - np.exp(-GAMMA * (centres**2).sum(axis=1))) @ machine.weights
    np.testing.assert_allclose(effects.sum(axis=1), gained, atol=1e-9)
    np.testing.assert_allclose(effects[:, 5], 0.0, atol=1e-12)
    medians = np.median(ROWS, axis=0)[None]
    np.testing.assert_allclose(machine.effects(medians), 0.0, atol=0.01)
    assert np.isfinite(machine.effects(ROWS * 1e9)).all()


def test_it_sees_what_two_measures_mean_together() -> None:
    rows = RNG.normal(size=(3000, 2))
    alike = rows[:, 0] * rows[:, 1] > 0
    learned, fresh = slice(1500), slice(1500, None)
    fitted, additive = (
        fit(rows[learned], alike[learned], np.ones(1500)) for fit in (fit_kernel, fit_curves)
    )
    assert roc_auc_score(alike[fresh], fitted.log_odds(rows[fresh])) > 0.9
    assert roc_auc_score(alike[fresh], additive.log_odds(rows[fresh])) < 0.6


def test_no_rows_have_no_effects(machine: Kernel) -> None:
    assert machine.effects(ROWS[:0]).shape == (0, 6)


def test_many_rows_are_told_as_each_alone(machine: Kernel) -> None:
    many = machine.effects(np.tile(ROWS, (2, 1)))
    np.testing.assert_array_equal(many[700:], many[:700])
    alone = [machine.effects(row[None])[0] for row in ROWS[:9]]
    np.testing.assert_array_equal(alone, many[:9])


def test_of_many_rows_some_are_drawn_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "MOST", 200)
    first, again = (fit_kernel(ROWS, POSITIVE, WEIGHT) for _ in range(2))
    assert len(first.centres) <= 200
    np.testing.assert_array_equal(first.centres, again.centres)
    np.testing.assert_array_equal(first.knots, fit_kernel(ROWS, POSITIVE, WEIGHT).knots)
    assert roc_auc_score(POSITIVE, first.log_odds(ROWS)) > 0.7


@pytest.mark.parametrize(
    "broken",
    [
        lambda a: a | {"kernel-centres": a["kernel-centres"][:-1]},
        lambda a: a | {"kernel-weights": a["kernel-weights"][1:]},
        lambda a: a | {"kernel-knots": a["kernel-knots"][:-1]},
        lambda a: a | {"kernel-knots": a["kernel-knots"][:, 0]},
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(
    machine: Kernel, broken: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    loaded = Kernel.from_arrays(machine.arrays())
    np.testing.assert_array_equal(loaded.effects(ROWS), machine.effects(ROWS))
    with pytest.raises(ValueError, match="kernel"):
        Kernel.from_arrays(broken(machine.arrays()))
