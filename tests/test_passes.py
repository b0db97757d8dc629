"""Two passes: what the first lets go, what that may cost, and that no session sways another."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from capscope.classify import SessionModel, Verdict, label, load_model
from capscope.classify.features import BUDGET
from capscope.classify.meanings import find_meanings
from capscope.classify.measures import FIRST
from capscope.classify.passes import LOSS, Scores, merge
from capscope.classify.subjects import BUCKETS, Subjects, fit_subjects
from capscope.classify.words import count_words
from capscope.data import Groups, InputError, Traffic
from capscope.embed import SentenceEncoder, Vectors
from capscope.index import AreaMap


class Counting:
    """The real encoder, which notes what it is asked for."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self.encoder, self.texts = encoder, list[str]()
        self.fingerprint, self.dimension = encoder.fingerprint, encoder.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        return self.encoder.encode(texts)


@pytest.fixture(scope="module")
def model() -> SessionModel:
    return load_model()


@pytest.fixture(scope="module")
def counting(encoder: SentenceEncoder) -> Counting:
    return Counting(encoder)


@pytest.fixture(scope="module")
def verdicts(sample: Traffic, counting: Counting, model: SessionModel) -> list[Verdict]:
    counting.texts.clear()
    AreaMap.embedded(counting.encoder)
    return list(label(sample, counting, model))


def test_a_session_that_is_let_go_is_organic_and_says_so(verdicts: list[Verdict]) -> None:
    let_go = [v for v in verdicts if v.evidence["first_pass"] and v.score is not None]
    assert len(let_go) > 50
    for verdict in let_go:
        assert verdict.label == "organic"
        assert verdict.score is not None and verdict.score <= verdict.threshold
        assert verdict.evidence["nearest_known"] is None
        assert verdict.evidence["area_by"] == "words"
        assert {m["measure"] for m in verdict.evidence["measures"]} <= set(FIRST)
    read = [v for v in verdicts if not v.evidence["first_pass"]]
    assert all(v.evidence["nearest_known"]["share"] > 0 for v in read)
    assert {v.evidence["area_by"] for v in read} == {"vectors"}


def test_the_transformer_reads_some_prompts_of_the_others_only(
    sample: Traffic, verdicts: list[Verdict], counting: Counting
) -> None:
    groups = list(sample.groups("session"))
    read = [rows for v, rows in zip(verdicts, groups, strict=True) if not v.evidence["first_pass"]]
    prompts = {text for rows in read for text in sample.column("prompt", rows)}
    asked = set(counting.texts) - set(exemplars())
    assert asked <= prompts
    assert 0 < len(asked) <= sum(min(len(rows), BUDGET) for rows in read)
    assert len(read) < len(groups) / 2


def exemplars() -> Iterator[str]:
    from capscope.data import load_areas

    return (text for area in load_areas() for texts in area.cells.values() for text in texts)


def test_exact_reads_every_prompt(
    sample: Traffic, encoder: SentenceEncoder, model: SessionModel, verdicts: list[Verdict]
) -> None:
    counting = Counting(encoder)
    exact = list(label(sample, counting, model, exact=True))
    assert set(sample.column("prompt")) <= set(counting.texts)
    assert not any(v.evidence["first_pass"] for v in exact)
    both = [(a.label, b.label) for a, b in zip(verdicts, exact, strict=True)]
    assert np.mean([a == b for a, b in both]) > 0.97


def test_no_session_sways_another(
    sample: Traffic, encoder: SentenceEncoder, model: SessionModel, verdicts: list[Verdict]
) -> None:
    groups = sample.groups("session")
    for exact in (False, True):
        whole = {v.session_id: v for v in label(sample, encoder, model, exact=exact)}
        for start in (0, 1, 2):
            rows = np.concatenate(list(groups.take(np.arange(start, len(groups), 3))))
            part = Traffic(sample.table.take(pa.array(np.sort(rows))), sample.skipped)
            for verdict in label(part, encoder, model, exact=exact):
                assert verdict == whole[verdict.session_id]


def population(count: int, seed: int) -> Scores:
    """Sessions whose two scores go together, but not quite."""
    rng = np.random.default_rng(seed)
    extraction = np.arange(count) % 2 == 0
    matter = 2.5 * extraction + rng.normal(size=count)
    first, brief, whole = (expit(matter + 0.7 * rng.normal(size=count)) for _ in range(3))
    return Scores(extraction, first, brief, whole)


def test_what_is_let_go_costs_no_more_than_promised_and_alarms_stay_rare() -> None:
    every = population(200_000, 1)
    lost, alarms, gone = [], [], []
    for seed in range(200):
        route = population(4000, 100 + seed).route(0.05)
        exact = population(4000, 100 + seed).route(0.05, exact=True)
        found = every.extraction & (every.whole > exact.threshold)
        lost.append((every.first[found] < route.let_go).mean())
        both = merge(every.first, every.brief, route.let_go)
        alarms.append((both[~every.extraction] > route.threshold).mean())
        gone.append((every.first[~every.extraction] < route.let_go).mean())
        assert route.let_go <= route.threshold
    assert np.mean(np.array(lost) > LOSS * 1.1) < 0.08
    assert np.mean(np.array(alarms) > 0.05 * 1.05) < 0.08
    assert np.mean(gone) > 0.2


def test_too_few_sessions_let_none_go() -> None:
    scores = population(500, 0)
    route = scores.route(0.05)
    assert route.let_go == 0.0
    np.testing.assert_array_equal(merge(scores.first, scores.brief, route.let_go), scores.brief)
    with pytest.raises(InputError, match="held-out organic sessions"):
        scores.route(0.001)
    with pytest.raises(ValueError, match="differ in number"):
        replace(scores, brief=scores.brief[1:])


def test_meaning_is_read_evenly_within_the_budget(encoder: SentenceEncoder) -> None:
    rows = np.eye(encoder.dimension, dtype=np.float32)[:40]
    texts = pa.array([f"prompt {n}" for n in range(40)])
    vectors = Vectors(rows, texts, np.arange(40), encoder.fingerprint)
    groups = Groups(np.arange(40), np.array([0, 40]))
    areas = AreaMap.embedded(encoder)
    (read,) = find_meanings(groups, vectors, areas, 14).prompts
    assert read[0] == 0 and read[-1] == 39
    assert read.tolist() == list(range(0, 40, 3))
    assert len(find_meanings(groups, vectors, areas).prompts[0]) == 40


def test_areas_are_guessed_from_words() -> None:
    asks = {
        0: ["write a poem about the sea", "a short poem on rain", "another poem, please"],
        2: ["fix this python function", "why does my python loop hang", "refactor the python code"],
    }
    texts = [text for own in asks.values() for text in own] * 5
    area = np.array([number for number, own in asks.items() for _ in own] * 5)
    subjects = fit_subjects(count_words(texts), area, 4)
    guessed = subjects.guess(count_words(["a poem about python snakes and rain", "python code"]))
    assert guessed.tolist() == [0, 2]
    alone = fit_subjects(count_words(texts), np.full(len(texts), 3), 4)
    assert set(alone.guess(count_words(["anything", ""]))) == {3}
    with pytest.raises(ValueError, match="differ in number"):
        Subjects(np.zeros((3, BUCKETS), np.float16), np.zeros(2))
