"""The model team's loop: train on labels, measure on traffic the model has not seen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Rows, read_rows, records, write_rows
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.utils.estimator_checks import parametrize_with_checks
from typer.testing import Result

from capscope.classify import SessionClassifier, load_model
from capscope.classify.fitting import HARD, MOST, Lesson, count_hard
from capscope.classify.measures import FIRST, MEASURES
from capscope.classify.metrics import calibration_error, summary, tpr_at_fpr
from capscope.classify.threshold import certified_threshold, sessions_needed

Run = Callable[..., Result]
Fails = Callable[..., str]


def test_a_trained_model_labels_and_is_measured(
    run: Run, halves: tuple[Path, Path], trained: Path, tmp_path: Path
) -> None:
    labelled = records(run("label", halves[1], "--model", trained, "--max-fpr", 0.1))
    assert {"organic", "extraction"} <= {record["label"] for record in labelled}
    output = tmp_path / "figures.json"
    assert run("evaluate", halves[1], "--model", trained, "-o", output).exit_code == 0
    figures = json.loads(output.read_text())
    judged = [record for record in labelled if record["score"] is not None]
    assert figures["sessions"] == len(judged)
    assert figures["seen_in_training"] == 0
    truth = {r["session_id"]: r["label"] == "extraction" for r in read_rows(halves[1])}
    scores = [record["score"] for record in judged]
    expected = roc_auc_score([truth[r["session_id"]] for r in judged], scores)
    assert figures["model"]["auroc"] == pytest.approx(expected, abs=1e-3)
    assert set(figures["baselines"]) > {"prompt lengths alone", "session length"}


def test_sessions_seen_in_training_are_not_measured(
    fails: Fails, run: Run, halves: tuple[Path, Path], trained: Path
) -> None:
    assert "0 sessions that the model did not learn from" in fails(
        "evaluate", halves[0], "--model", trained
    )
    (figures,) = records(run("evaluate", *halves, "--model", trained))
    assert figures["seen_in_training"] > 100


def test_the_card_names_sources_figures_and_limits(trained: Path) -> None:
    card = load_model(trained).card
    assert "TPR at 1 % FPR" in card
    assert "prompt lengths alone" in card
    assert "## Limits" in card


def test_labels_from_a_file_stand_in_for_the_column(
    run: Run, halves: tuple[Path, Path], trained: Path, tmp_path: Path
) -> None:
    rows = read_rows(halves[0])
    labels = {row["session_id"]: row.pop("label") for row in rows}
    write_rows(tmp_path / "t.jsonl", rows)
    write_rows(
        tmp_path / "labels.jsonl", [{"session_id": s, "label": x} for s, x in labels.items()]
    )
    result = run(
        "train", tmp_path / "t.jsonl", "-o", tmp_path / "m", "--labels", tmp_path / "labels.jsonl"
    )
    assert result.exit_code == 0, result.output
    one, other = load_model(tmp_path / "m"), load_model(trained)
    np.testing.assert_array_equal(one.short.scores.whole, other.short.scores.whole)
    np.testing.assert_array_equal(one.parts.head.weights, other.parts.head.weights)


def test_training_twice_gives_the_same_bytes(
    run: Run, halves: tuple[Path, Path], trained: Path, tmp_path: Path
) -> None:
    assert run("train", halves[0], "-o", tmp_path / "again").exit_code == 0
    expected = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert {p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()} == expected


def test_labels_that_cannot_carry_a_model_are_refused(
    fails: Fails, few_file: Path, few_sessions: Rows, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "model"
    assert "at least 20 of each" in fails("train", few_file, "-o", out)
    one_class = [row | {"label": "organic"} for row in few_sessions]
    write_rows(tmp_path / "one.jsonl", one_class)
    assert "sessions of both labels" in fails("train", tmp_path / "one.jsonl", "-o", out)
    rows = read_rows(halves[0])
    write_rows(tmp_path / "group.jsonl", [row | {"group": row["label"]} for row in rows])
    assert "one split group" in fails("train", tmp_path / "group.jsonl", "-o", out)
    write_rows(tmp_path / "l.jsonl", [{"session_id": "other", "label": "organic"}])
    labels = ("--labels", tmp_path / "l.jsonl")
    unknown = "1 of 1 labels in"
    assert unknown in fails("train", halves[0], "-o", out, *labels)
    known = [{"session_id": row["session_id"], "label": row["label"]} for row in rows]
    write_rows(tmp_path / "l.jsonl", [*known, {"session_id": "other", "label": "organic"}])
    assert "such as other" in fails("train", halves[0], "-o", out, *labels)
    write_rows(tmp_path / "l.jsonl", [{"session_id": "other", "label": "maybe"}])
    assert "no label in" in fails("train", halves[0], "-o", out, *labels)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "precious").touch()
    assert "holds something else" in fails("train", halves[0], "-o", tmp_path / "else")
    assert not out.exists()


def test_the_shipped_model_loads_and_names_its_sources() -> None:
    model = load_model()
    assert model.card.count("`") > 50
    assert model.short.passes.whole.score_sessions(np.zeros((2, len(MEASURES)))).shape == (2,)
    assert model.short.passes.first.score_sessions(np.zeros((2, len(FIRST)))).shape == (2,)
    assert model.short.scores.organic >= sessions_needed(model.max_fpr)


@parametrize_with_checks([SessionClassifier(bags=1, rounds=10)])
def test_the_classifier_is_a_scikit_learn_estimator(estimator: Any, check: Any) -> None:
    check(estimator)


def test_effects_add_up_to_the_log_odds() -> None:
    rng = np.random.default_rng(0)
    measures = rng.normal(size=(400, 6))
    extraction = measures[:, 0] + np.abs(measures[:, 1]) + rng.normal(size=400) > 1
    folds = np.arange(400) % 4
    model = SessionClassifier(bags=3, rounds=60).fit(measures, extraction, folds)
    effects = model.effects(measures)
    scores = model.score_sessions(measures)
    np.testing.assert_allclose(
        np.log(scores / (1 - scores)), effects.sum(axis=1) + model.base_, atol=1e-9
    )
    loaded = SessionClassifier.from_arrays(model.arrays(), 6)
    np.testing.assert_allclose(loaded.score_sessions(measures), scores, atol=1e-12)
    assert roc_auc_score(extraction, model.out_of_fold_) > 0.75
    assert roc_auc_score(rng.permutation(extraction), model.out_of_fold_) < 0.6
    np.testing.assert_allclose(model.predict_proba(measures).sum(axis=1), 1.0)


def test_negatives_that_are_missed_count_for_more() -> None:
    rng = np.random.default_rng(0)
    positive = np.arange(400) % 2 == 0
    measures = rng.normal(size=(400, 1))
    measures[positive] += 4.0
    measures[1] = 4.0
    counts = count_hard(Lesson(measures, positive, np.arange(400), np.arange(400)))
    np.testing.assert_array_equal(counts[positive], 1.0)
    assert counts[1] == counts.max() > 2.5
    assert np.median(counts[~positive]) < 1.6
    assert counts.max() <= np.exp(HARD * MOST)


def test_two_groups_are_enough_to_learn_from() -> None:
    """Out of fold each is read by a model of one group, which cannot be parted again."""
    rng = np.random.default_rng(2)
    positive = np.arange(200) % 2 == 0
    measures = rng.normal(size=(200, 2)) + positive[:, None]
    model = SessionClassifier(bags=1, rounds=10).fit(measures, positive, np.arange(200) // 100)
    assert roc_auc_score(positive, model.out_of_fold_) > 0.6


def test_hard_negatives_are_learned() -> None:
    """A tenth of the negatives look like positives but for one measure, and are missed at first."""
    rng = np.random.default_rng(1)
    positive = np.arange(4000) % 2 == 0
    hard = ~positive & (np.arange(4000) % 20 == 1)
    measures = rng.normal(size=(4000, 3))
    measures[positive | hard, 0] += 3.0
    measures[hard, 1] += 2.0
    groups, among = np.arange(4000) // 4, positive | hard
    model = SessionClassifier(bags=2, rounds=40).fit(measures, positive, groups)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("capscope.classify.fitting.HARD", 0.0)
        plain = SessionClassifier(bags=2, rounds=40).fit(measures, positive, groups)
    learned, before = (
        roc_auc_score(positive[among], one.out_of_fold_[among]) for one in (model, plain)
    )
    assert learned > before


def test_metrics_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    extraction = rng.random(500) < 0.4
    scores = np.clip(0.3 * extraction + rng.random(500) * 0.7, 0, 1)
    fprs, tprs, _ = roc_curve(extraction, scores, drop_intermediate=False)
    for fpr in (0.0, 0.01, 0.1, 0.5):
        assert tpr_at_fpr(extraction, scores, fpr) == pytest.approx(tprs[fprs <= fpr].max())
    assert summary(extraction, scores)["auroc"] == round(roc_auc_score(extraction, scores), 4)
    calibrated = LogisticRegression().fit(scores[:, None], extraction)
    probabilities = calibrated.predict_proba(scores[:, None])[:, 1]
    assert calibration_error(extraction, probabilities) < 0.08
    assert calibration_error(extraction, 1 - probabilities) > 0.2


def test_a_certified_threshold_keeps_its_promise() -> None:
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(400):
        organic = rng.normal(size=400)
        threshold = certified_threshold(organic, 0.05)
        broken += (rng.normal(size=4000) > threshold).mean() > 0.06
    assert broken / 400 < 0.05
    tight = certified_threshold(np.arange(299.0), 0.01)
    assert tight == 298.0
