"""The likelier half of a session, and odds that weigh by the number of prompts."""

import numpy as np
from numpy.typing import NDArray

from capscope.classify import SessionClassifier
from capscope.classify.halves import HALVES, Split
from capscope.classify.lengths import LENGTHS
from capscope.classify.surface import COUNTS


def counts(n: int, rng: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    return {name: rng.random(n) for name in COUNTS}


def test_the_likelier_half_is_read_as_if_the_rest_were_not_there() -> None:
    rng = np.random.default_rng(0)
    sweep, chat = counts(10, rng), counts(9, rng)
    mixed = {name: np.empty(19) for name in sweep}
    upper = np.zeros(19, dtype=np.bool_)
    upper[::2] = True
    for name, column in mixed.items():
        column[upper], column[~upper] = sweep[name], chat[name]
    wording = np.where(upper, 2.0, -1.0)
    split = Split(wording, mixed)
    np.testing.assert_array_equal(split.upper, upper)
    for name, length in LENGTHS.items():
        assert HALVES[f"half_{name}"](split) == length(sweep)
    assert HALVES["half_wording"](split) == 2.0
    assert HALVES["half_gap"](split) == 3.0
    assert HALVES["half_runs"](split) == 0.0
    assert HALVES["half_runs"](Split(np.sort(wording), mixed)) > 0.9


def test_a_session_of_three_is_its_own_half() -> None:
    split = Split(np.array([1.0, 0.0, -1.0]), counts(3, np.random.default_rng(1)))
    assert split.upper.all()
    assert HALVES["half_gap"](split) == 0.0
    assert all(np.isfinite(measure(split)) for measure in HALVES.values())


def measured(sessions: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Sessions of 4 to 60 prompts whose measure is surer the more prompts it is the mean of."""
    rng = np.random.default_rng(seed)
    extraction = rng.random(sessions) < 0.5
    prompts = np.exp(rng.uniform(np.log(4), np.log(60), sessions))
    noise = rng.standard_normal((sessions, 2)) * 2.5 / np.sqrt(prompts)[:, None]
    return np.column_stack([noise + extraction[:, None], np.log(prompts / 15)]), extraction


def test_odds_grow_with_the_number_of_prompts_and_effects_still_add_up() -> None:
    X, extraction = measured(1500, 0)  # noqa: N806
    fitted = SessionClassifier(bags=2, rounds=40, amount=True).fit(X, extraction)
    assert fitted.calibration_[4] > 0.0
    likely = np.array([[2.0, 2.0, np.log(n / 15)] for n in (4, 15, 60)])
    odds = fitted.decision_function(likely)
    np.testing.assert_allclose(odds, odds[1] * np.exp(fitted.calibration_[4] * likely[:, 2]))
    assert odds[0] < odds[1] < odds[2]
    np.testing.assert_allclose(odds, fitted.effects(likely).sum(axis=1) + fitted.base_, atol=1e-12)
    loaded = SessionClassifier.from_arrays(fitted.arrays(), 3, amount=True)
    np.testing.assert_allclose(loaded.decision_function(likely), odds, atol=1e-12)


def test_weighed_odds_rank_sessions_of_unlike_sizes_better() -> None:
    (X, extraction), (other, truth) = measured(1500, 1), measured(1500, 2)  # noqa: N806
    weighed = SessionClassifier(bags=2, rounds=40, amount=True).fit(X, extraction)
    plain = SessionClassifier(bags=2, rounds=40).fit(X[:, :2], extraction)
    losses = []
    for scores in (weighed.score_sessions(other), plain.score_sessions(other[:, :2])):
        losses.append(-np.log(np.where(truth, scores, 1.0 - scores)).mean())
    assert losses[0] < losses[1]
