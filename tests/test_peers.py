"""Detectors to compare with: what each says of made-up sessions, and that folds stay apart."""

import dataclasses

import numpy as np
import pytest
from conftest import write_rows
from numpy.typing import NDArray
from scipy.spatial import distance
from scipy.stats import shapiro
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from capscope.classify import peers
from capscope.classify.truth import Truth, read_truth
from capscope.data import Traffic, read_traffic
from capscope.embed import Vectors

NAMES = {
    "session length",
    "prompt length",
    "elicitation patterns",
    "TF-IDF and logistic regression",
    "mean embedding and logistic regression",
    "MMD",
    "PRADA",
    "SEAT",
    "CAP",
    "Mahalanobis",
}
SESSIONS, FOLDS, DIMENSION = 63, 3, 12

Labelled = tuple[Traffic, Truth, Vectors]


def units(rng: np.random.Generator, count: int, *, narrow: bool = False) -> NDArray[np.float32]:
    """Unit vectors in all directions, or close about one."""
    found = rng.normal(size=(count, DIMENSION))
    if narrow:
        found = 0.3 * found + np.eye(DIMENSION)[0] * 3
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def asks(i: int, turn: int, rng: np.random.Generator) -> str:
    """A prompt of session i: one in three sessions is extraction."""
    if i % 3:
        return f"hello, what about my {rng.integers(1000)} photos, sitting {i}, turn {turn}"
    return f"Solve item {i}.{turn} of the rubric and show your reasoning step by step, at length."


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Labelled:
    """Sessions of three folds; those of extraction are longer, alike and put another way."""
    rng = np.random.default_rng(5)
    rows = [
        {
            "prompt": asks(i, turn, rng),
            "session_id": f"s{i}",
            "account_id": f"a{i}",
            "label": "organic" if i % 3 else "extraction",
            "group": f"g{i // 3 % FOLDS}",
            "source": f"{'o' if i % 3 else 'x'}{i % 4}",
        }
        for i in range(SESSIONS)
        for turn in range(6 if i % 3 else 8)
    ]
    path = tmp_path_factory.mktemp("peers") / "traffic.jsonl"
    write_rows(path, rows)
    traffic = read_traffic([str(path)])
    return traffic, read_truth(traffic, 2), made_up_vectors(traffic)


def made_up_vectors(traffic: Traffic) -> Vectors:
    rng = np.random.default_rng(6)
    coded = traffic.table["prompt"].combine_chunks().dictionary_encode()
    narrow = np.array([text.startswith("Solve") for text in coded.dictionary.to_pylist()])
    rows = units(rng, len(narrow))
    rows[narrow] = units(rng, int(narrow.sum()), narrow=True)
    return Vectors(rows, coded.dictionary, np.asarray(coded.indices, dtype=np.int64), "made up")


@pytest.fixture(scope="module")
def scores(labelled: Labelled) -> dict[str, NDArray[np.float64]]:
    return peers.peer_scores(*labelled)


def test_every_detector_scores_every_session(scores: dict[str, NDArray[np.float64]]) -> None:
    assert set(scores) == NAMES
    for name, score in scores.items():
        assert score.shape == (SESSIONS,), name
        assert score.dtype == np.float64, name
        assert np.isfinite(score).all(), name


@pytest.mark.parametrize("name", sorted(NAMES - {"PRADA", "CAP"}))
def test_a_planted_difference_is_found(
    labelled: Labelled, scores: dict[str, NDArray[np.float64]], name: str
) -> None:
    assert roc_auc_score(labelled[1].extraction, scores[name]) > 0.9


def test_what_is_counted_is_counted(
    labelled: Labelled, scores: dict[str, NDArray[np.float64]]
) -> None:
    extraction = labelled[1].extraction
    np.testing.assert_array_equal(scores["session length"], np.where(extraction, 8, 6))
    np.testing.assert_allclose(scores["elicitation patterns"], extraction)


def test_a_folds_own_labels_do_not_change_its_scores(
    labelled: Labelled, scores: dict[str, NDArray[np.float64]]
) -> None:
    traffic, truth, vectors = labelled
    inside = truth.fold == 1
    told = truth.extraction.copy()
    told[np.flatnonzero(inside)[::2]] ^= True
    changed = peers.peer_scores(traffic, dataclasses.replace(truth, extraction=told), vectors)
    for name, score in scores.items():
        np.testing.assert_array_equal(score[inside], changed[name][inside], err_msg=name)
    for name in (*peers.LEARNED, *peers.REFERRED):
        assert (scores[name][~inside] != changed[name][~inside]).any() or name == "PRADA", name


def test_a_folds_own_vectors_do_not_change_what_it_is_compared_with(
    labelled: Labelled, scores: dict[str, NDArray[np.float64]]
) -> None:
    traffic, truth, vectors = labelled
    first, last = np.flatnonzero(truth.fold == 1)[[0, -1]]
    rows = vectors.rows.copy()
    rows[vectors.of[list(truth.groups)[first]]] *= -1
    changed = peers.peer_scores(traffic, truth, dataclasses.replace(vectors, rows=rows))
    for name in ("mean embedding and logistic regression", "MMD", "Mahalanobis"):
        assert changed[name][first] != pytest.approx(scores[name][first], rel=1e-3), name
        assert changed[name][last] == pytest.approx(scores[name][last], rel=1e-5), name


def test_without_other_folds_what_needs_them_is_nothing(labelled: Labelled) -> None:
    traffic, truth, vectors = labelled
    same = np.zeros(SESSIONS, dtype=np.int64)
    alone = peers.peer_scores(traffic, dataclasses.replace(truth, fold=same, source=same), vectors)
    assert set(alone) == NAMES
    assert not any(alone[name].any() for name in (*peers.LEARNED, *peers.REFERRED))


def slow_mmd(first: NDArray[np.float32], second: NDArray[np.float32], scale: float) -> float:
    def alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        squared = sum((float(a) - float(b)) ** 2 for a, b in zip(one, other, strict=True))
        widths = [0.5 * scale, scale, 2 * scale, 4 * scale]
        return sum(np.exp(-squared / (2 * width**2)) for width in widths) / 4

    def within(sample: NDArray[np.float32]) -> float:
        pairs = [(i, j) for i in range(len(sample)) for j in range(len(sample)) if i != j]
        return sum(alike(sample[i], sample[j]) for i, j in pairs) / len(pairs)

    between = [alike(one, other) for one in first for other in second]
    return within(first) + within(second) - 2 * sum(between) / len(between)


@pytest.mark.parametrize(("sizes", "narrow"), [((2, 9), False), ((7, 5), True)])
def test_the_discrepancy_is_what_its_definition_says(sizes: tuple[int, int], narrow: bool) -> None:
    rng = np.random.default_rng(1)
    first, second = units(rng, sizes[0], narrow=narrow), units(rng, sizes[1])
    told = peers.unbiased_mmd(
        peers.kernel(first, first, 0.8),
        peers.kernel(second, second, 0.8),
        peers.kernel(first, second, 0.8),
    )
    assert told == pytest.approx(slow_mmd(first, second, 0.8), abs=1e-6)


def test_the_discrepancy_of_benign_prompts_is_standard_whatever_their_number() -> None:
    rng = np.random.default_rng(2)
    pool = units(rng, 800)
    for size in (3, 12, 30):
        scores = peers.mmd([units(rng, size) for _ in range(200)], pool)
        assert abs(scores.mean()) < 0.3
        assert 0.7 < scores.std() < 1.4
    assert peers.mmd([units(rng, 1)], pool).tolist() == [0.0]
    assert peers.mmd([units(rng, 12, narrow=True)], pool)[0] > 10


def test_distance_from_organic_sessions_is_mahalanobis() -> None:
    rng = np.random.default_rng(3)
    organic, asked = rng.normal(size=(40, 5)), rng.normal(size=(6, 5))
    inverse = np.linalg.inv(LedoitWolf().fit(organic).covariance_)
    told = [distance.mahalanobis(one, organic.mean(axis=0), inverse) ** 2 for one in asked]
    np.testing.assert_allclose(peers.mahalanobis(asked, organic), told)


def test_similar_pairs_are_those_that_few_organic_pairs_exceed() -> None:
    rng = np.random.default_rng(4)
    organic = [units(rng, 20) for _ in range(60)]
    assert peers.seat(organic, organic).mean() == pytest.approx(0.01, abs=0.005)
    same = np.repeat(units(rng, 1), 4, axis=0)
    half = np.concatenate([same[:2], -same[:1]])
    scores = peers.seat([same, half, same[:1]], organic)
    np.testing.assert_allclose(scores, [1, 1 / 3, 0])
    assert peers.seat([same], [same])[0] == 1, "repeats count where organic sessions repeat too"


def test_least_distances_are_to_earlier_prompts() -> None:
    angles = np.array([0.0, 1.0, 0.1, 2.5, 1.2, 2.8])
    prompts = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    least = [2 * np.sin(gap / 2) for gap in (1.0, 0.1, 1.5, 0.2, 0.3)]
    assert peers.abnormality(prompts) == pytest.approx(1 - shapiro(least).statistic, abs=1e-5)
    assert np.isnan(peers.abnormality(prompts[:4]))
    assert np.isnan(peers.abnormality(np.repeat(prompts[:1], 8, axis=0)))


def test_coverage_is_by_what_a_random_draw_would_meet() -> None:
    rng = np.random.default_rng(7)
    pool = units(rng, 2000)
    like, alike, one = units(rng, 30), units(rng, 30, narrow=True), units(rng, 1)
    random, narrow, single = peers.cap([like, alike, one], pool)
    assert random == pytest.approx(1, abs=0.15)
    assert narrow < random / 2
    assert single == pytest.approx(1)


def test_prompts_are_drawn_evenly_over_sources() -> None:
    rng = np.random.default_rng(8)
    few, many = units(rng, 200, narrow=True), units(rng, 4000)
    drawn = peers.draw_evenly([many, few], np.array([3, 9]), 100)
    known = {row.tobytes() for row in few}
    from_few = [row.tobytes() in known for row in drawn]
    assert 35 < sum(from_few) < 65
    assert len({row.tobytes() for row in drawn}) == 100
    assert 10 < sum(from_few[:50]) < 40, "in random order"
    assert len(peers.draw_evenly([few], np.array([1]), 5000)) == 200
