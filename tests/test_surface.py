"""What is counted on the face of prompts, against a count by hand."""

import re

import numpy as np
import pyarrow as pa
import pytest

from capscope.classify.surface import COUNTS, FUNCTION_WORDS, HEAD, surface

HAND = {
    "The cat sat on the mat.": (3 / 6, 17 / 6),
    "THE CAT": (1 / 2, 3),
    "theatre, often; onto": (0, 16 / 3),
    "it's not here in 2024": (4 / 5, 12 / 5),
    "Größe über 9 Maß": (0, 12 / 3),
    "日本語 and 中文": (1 / 3, 8 / 3),
    "123 + 4 = ?": (0, 0),
    "": (0, 0),
}
"""Share of function words and letters of a word."""


def test_function_words_and_letters_are_counted_as_by_hand() -> None:
    columns = surface(pa.array(list(HAND)))
    assert tuple(columns) == COUNTS
    told = list(zip(columns["function_words"], columns["word_length"], strict=True))
    for text, got, by_hand in zip(HAND, told, HAND.values(), strict=True):
        assert got == pytest.approx(by_hand), text


def test_every_function_word_is_one_word_and_stands_once() -> None:
    words = re.findall(r"[a-z]+", FUNCTION_WORDS.partition(r"\b(")[2].rpartition(r")\b")[0])
    assert len(words) == len(set(words)) > 70
    shares = surface(pa.array(words))["function_words"]
    np.testing.assert_array_equal(shares, 1.0)


def test_only_the_start_of_a_prompt_is_counted() -> None:
    long = "the cat " * (HEAD // 8)
    columns = surface(pa.array([long, long + "of 7 mätten " * 1000]))
    for name in ("function_words", "word_length", "digits", "foreign"):
        assert columns[name][0] == columns[name][1]
    assert columns["log_length"][0] < columns["log_length"][1]
