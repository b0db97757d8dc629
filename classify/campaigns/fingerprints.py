"""Fingerprints of prompts: hashes of runs of words, the same wherever a run stands."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

HEAD, TAIL = 1500, 500
"""Characters of a prompt's beginning and end that are read."""
GRAM, WINDOW = 5, 4
"""Any run of GRAM + WINDOW - 1 = 8 words that two prompts share gives both one fingerprint."""
CHUNK = 20_000
"""Prompts that are split into words at once."""
ALONE = r"([\x{3040}-\x{30ff}\x{3400}-\x{9fff}\x{ac00}-\x{d7af}])"
"""Characters that are words of their own: these scripts put no spaces between words."""
MULTIPLIER = np.uint64(6364136223846793005)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Which prompt holds which fingerprint, each pair once, by prompt.

    Attributes:
        prompt: numbers of prompts (pairs,) int64.
        hash: fingerprints, which depend on nothing but the words (pairs,) uint64.
    """

    prompt: NDArray[np.int64]
    hash: Hashes


def fingerprint(texts: pa.Array) -> Fingerprints:
    """Choose fingerprints of texts (n,) by winnowing (Schleimer, Wilkerson and Aiken 2003).

    Every run of five words is hashed, and of every four neighbouring hashes the smallest is kept.
    A text of fewer words has one fingerprint, that of all its words; one without words has none.

    >>> found = fingerprint(pa.array(["One two.", "one, TWO", "three", "?"], pa.large_string()))
    >>> found.prompt.tolist(), len(set(found.hash.tolist()))
    ([0, 1, 2], 2)
    """
    known: dict[str, int] = {}
    parts = [
        _winnow(_words(texts.slice(start, CHUNK)), known, start)
        for start in range(0, len(texts), CHUNK)
    ]
    if not parts:
        return Fingerprints(np.empty(0, np.int64), np.empty(0, np.uint64))
    return Fingerprints(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def find_runs(texts: pa.Array, among: Hashes | None = None) -> Fingerprints:
    """Return every run of five words of texts (n,) by its hash, or those among some hashes.

    >>> found = find_runs(pa.array(["a b c d e f", "a b c d"], pa.large_string()))
    >>> found.prompt.tolist()
    [0, 0]
    """
    known: dict[str, int] = {}
    parts = []
    for start in range(0, len(texts), CHUNK):
        runs = _runs(_words(texts.slice(start, CHUNK)), known)
        kept = runs.whole if among is None else runs.whole & np.isin(runs.hash, among)
        parts.append(_distinct(runs.prompt[kept] + start, runs.hash[kept]))
    if not parts:
        return Fingerprints(np.empty(0, np.int64), np.empty(0, np.uint64))
    return Fingerprints(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def hash_texts(texts: list[str]) -> Hashes:
    """Hash texts (n,), the same on every machine and in every run."""
    digests = b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def mix(one: Hashes, other: Hashes) -> Hashes:
    """Hash pairs of hashes; order matters."""
    mixed = (one ^ (one >> np.uint64(29))) * MULTIPLIER + other * GOLDEN
    return np.asarray(mixed ^ (mixed >> np.uint64(32)), dtype=np.uint64)


def _words(texts: pa.Array) -> pa.Array:
    long = pc.greater(pc.utf8_length(texts), HEAD + TAIL)
    cut = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(texts, 0, HEAD),
        pc.utf8_slice_codeunits(texts, -TAIL),
        pa.scalar(" ", texts.type),
    )
    lower = pc.utf8_lower(pc.if_else(long, cut, texts))
    spaced = pc.replace_substring_regex(lower, r"[^\pL\pN]+", " ")
    return pc.utf8_split_whitespace(
        pc.utf8_trim_whitespace(pc.replace_substring_regex(spaced, ALONE, r" \1 "))
    )


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of five words in the order of the texts; of a text of fewer words, one of them all.

    Attributes:
        prompt: the text of each run (runs,) int64.
        hash: (runs,) uint64.
        last: where the last run of the same text is (runs,) int64.
        whole: whether it has five words (runs,).
    """

    prompt: NDArray[np.int64]
    hash: Hashes
    last: NDArray[np.int64]
    whole: NDArray[np.bool_]


def _runs(words: pa.Array, known: dict[str, int]) -> _Runs:
    coded = words.flatten().dictionary_encode()
    vocabulary = coded.dictionary.to_pylist()
    unknown = [word for word in vocabulary if word not in known]
    known.update(zip(unknown, hash_texts(unknown).tolist(), strict=True))
    of_word = np.array([known[word] for word in vocabulary], dtype=np.uint64)
    word = of_word[np.asarray(coded.indices)]
    offsets = np.asarray(words.offsets, dtype=np.int64)
    blank = np.append(word, np.zeros(GRAM, np.uint64))
    empty = np.diff(offsets) == 1
    empty &= blank[offsets[:-1]] == hash_texts([""])[0]
    grams = np.where(empty, 0, np.maximum(np.diff(offsets) - GRAM + 1, np.diff(offsets) > 0))
    prompt = np.repeat(np.arange(len(grams)), grams)
    starts = np.cumsum(grams) - grams
    place = np.arange(len(prompt)) - starts[prompt]
    position, left = offsets[prompt] + place, np.diff(offsets)[prompt] - place
    hashed = np.zeros(len(prompt), dtype=np.uint64)
    for step in range(GRAM):
        hashed = np.where(step < left, mix(hashed, blank[position + step]), hashed)
    return _Runs(prompt, hashed, (starts + grams - 1)[prompt], left >= GRAM)


def _winnow(words: pa.Array, known: dict[str, int], first: int) -> tuple[NDArray[np.int64], Hashes]:
    runs = _runs(words, known)
    if not len(runs.prompt):
        return runs.prompt, runs.hash
    places = np.arange(len(runs.prompt))
    windows = np.stack([np.minimum(places + k, runs.last) for k in range(WINDOW)])
    chosen = windows[runs.hash[windows].argmin(axis=0), places]
    return _distinct(runs.prompt[chosen] + first, runs.hash[chosen])


def _distinct(prompt: NDArray[np.int64], hashed: Hashes) -> tuple[NDArray[np.int64], Hashes]:
    order = np.lexsort((hashed, prompt))
    prompt, hashed = prompt[order], hashed[order]
    fresh = (prompt[1:] != prompt[:-1]) | (hashed[1:] != hashed[:-1])
    fresh = np.append(np.ones(min(len(prompt), 1), np.bool_), fresh)
    return prompt[fresh], hashed[fresh]
