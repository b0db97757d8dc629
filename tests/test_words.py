"""The word head: hashed words in, log-odds out, and what a session's prompts share."""

import numpy as np
import pyarrow as pa
import pytest

from capscope.classify.faces import Faces
from capscope.classify.head import balanced
from capscope.classify.measures import FAMILIES, FIRST, MEASURES
from capscope.classify.structure import STRUCTURE
from capscope.classify.surface import COUNTS
from capscope.classify.words import BUCKETS, HEAD, WordHead, count_words, fit_words
from capscope.data.templates import find_template

ASKS = [f"Give your reasoning step by step about item {n}." for n in range(40)]
GREEK = [f"Translate the word {word} into Greek." for word in ("sea", "sky", "sun")]
CHATS = [f"hey, could you look at my {n} photos again?" for n in range(40)]


def test_words_are_counted_the_same_whatever_holds_them() -> None:
    texts = ["One two, one TWO.", "", "三 四"]
    counted = count_words(texts)
    assert counted.shape == (3, BUCKETS)
    assert (counted != count_words(pa.array(texts))).nnz == 0
    norms = np.sqrt(counted.multiply(counted).sum(axis=1)).A1
    np.testing.assert_allclose(norms, [1, 0, 1])
    assert (count_words(["one two one two"])[0] != count_words(["ONE TWO ONE TWO"])[0]).nnz == 0


def test_a_long_prompt_is_read_to_its_head() -> None:
    long = pa.array(["a " * HEAD, "a " * HEAD + "tail"])
    one, other = count_words(long)[0], count_words(long)[1]
    assert (one != other).nnz == 0


def test_the_head_learns_how_things_are_put() -> None:
    extraction = np.array([True] * 40 + [False] * 40)
    counted = count_words(ASKS + CHATS)
    fitted = fit_words(counted, extraction, np.zeros(80, dtype=np.int64))
    again = fit_words(counted, extraction, np.zeros(80, dtype=np.int64))
    np.testing.assert_array_equal(fitted.weights, again.weights)
    scores = fitted.scores(count_words(["Reasoning, step by step, about my item.", "hey, again?"]))
    assert scores[0] > 0 > scores[1]


def test_a_frame_is_read_and_no_frame_is_nothing() -> None:
    words = WordHead(np.ones(BUCKETS, dtype=np.float16), 0.5)
    templates = [find_template(["unlike", "others"]), find_template(GREEK)]
    faces = Faces(
        [np.zeros(3, dtype=np.int64)] * 2,
        {name: np.zeros(1) for name in COUNTS},
        np.zeros((2, len(STRUCTURE))),
        templates,
        count_words([template.skeleton or "" for template in templates]),
    )
    first, second = faces.read(words, np.zeros(1))[:, FIRST.index("frame")]
    assert first == 0.0
    assert second > 0.5


@pytest.mark.parametrize(("power", "times"), [(0.0, 4), (0.5, 2), (1.0, 1)])
def test_large_sources_count_for_less(power: float, times: float) -> None:
    extraction = np.array([True] * 5 + [False] * 5)
    source = np.array([0, 0, 0, 0, 1, 2, 2, 2, 2, 2])
    weight = balanced(extraction, source, power)
    assert weight.mean() == pytest.approx(1)
    assert weight[extraction].sum() == pytest.approx(weight[~extraction].sum())
    assert weight[0] * 4 == pytest.approx(times * weight[4])


def test_every_measure_is_in_one_family() -> None:
    assert sorted(name for family in FAMILIES.values() for name in family) == sorted(MEASURES)
