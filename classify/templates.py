"""The template that a session's prompts share, with its slots."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")
HEAD, TOKENS, GRAM = 4000, 400, 3
SHARE = 0.3
"""A run of words is part of a template where this share of the prompts, and 3, hold it."""
SHOWN = 400


@dataclass(frozen=True, slots=True)
class Template:
    """What is fixed in a session's prompts.

    Attributes:
        share: the share of prompts that hold fixed words.
        fixed: the mean share of fixed words in those prompts; 1 where they are all alike.
        skeleton: the most usual one, each slot as `{}`; None where nothing is fixed.
        prompts: how many prompts have this very skeleton.
    """

    share: float
    fixed: float
    skeleton: str | None
    prompts: int


def find_template(prompts: Sequence[str]) -> Template:
    """Find the words that a session's prompts have in common, by runs of three words.

    A word is fixed where it stands in a run of three that at least 30 % of the prompts hold.

    >>> prompts = [f"Translate the word {word} into Greek." for word in ("sea", "sky", "sun")]
    >>> found = find_template(prompts)
    >>> found.skeleton, found.prompts, found.share
    ('Translate the word {} into Greek.', 3, 1.0)
    """
    spans = [list(TOKEN.finditer(prompt, 0, HEAD))[:TOKENS] for prompt in prompts]
    words = [[span[0].lower() for span in row] for row in spans]
    grams = [set(zip(*(row[i:] for i in range(GRAM)), strict=False)) for row in words]
    counts = Counter(gram for row in grams for gram in row)
    least = max(3.0, SHARE * len(prompts))
    common = {gram for gram, count in counts.items() if count >= least}
    fixed = [_fixed(row, common) for row in words]
    shares = [sum(row) / len(row) for row in fixed if any(row)]
    if not shares:
        return Template(0.0, 0.0, None, 0)
    skeletons = Counter(
        _skeleton(prompt, row, mask)
        for prompt, row, mask in zip(prompts, spans, fixed, strict=True)
        if any(mask)
    )
    skeleton, count = min(skeletons.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
    shown = skeleton if len(skeleton) <= SHOWN else skeleton[: SHOWN - 1] + "…"
    return Template(len(shares) / len(prompts), sum(shares) / len(shares), shown, count)


def _fixed(words: Sequence[str], common: set[tuple[str, ...]]) -> list[bool]:
    mask = [False] * len(words)
    for i in range(len(words) - GRAM + 1):
        if tuple(words[i : i + GRAM]) in common:
            mask[i : i + GRAM] = [True] * GRAM
    return mask


def _skeleton(prompt: str, spans: Sequence[re.Match[str]], fixed: Sequence[bool]) -> str:
    parts, end = [], spans[0].start()
    for is_fixed, run in groupby(zip(spans, fixed, strict=True), key=lambda pair: pair[1]):
        run_spans = [span for span, _ in run]
        parts.append(prompt[end : run_spans[0].start()])
        end = run_spans[-1].end()
        parts.append(prompt[run_spans[0].start() : end] if is_fixed else "{}")
    return "".join(parts)
