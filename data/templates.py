"""The template that a session's prompts share, with its slots."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice

TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s]")
HEAD, TOKENS, GRAM = 4000, 400, 3
SHARE, LEAST = 0.3, 3
"""A run of words is part of a template where this share of the prompts, and so many, hold it."""
SHOWN, SHOWN_SLOT, FILLS = 400, 120, 3

Runs = set[tuple[str, ...]]
"""Three words each, in lower case."""


@dataclass(frozen=True, slots=True)
class Template:
    """What is fixed in a session's prompts.

    Attributes:
        share: the share of prompts that hold fixed words.
        fixed: the mean share of fixed words in those prompts; 1 where they are all alike.
        skeleton: the most usual one, each slot as `{}`; None where nothing is fixed.
        prompts: how many prompts have this very skeleton.
        fills: of up to three of those, what stands in each slot.
    """

    share: float
    fixed: float
    skeleton: str | None
    prompts: int
    fills: list[list[str]]


def find_template(
    prompts: Sequence[str],
    *,
    least: int = LEAST,
    senders: Sequence[int] = (),
    least_senders: int = 1,
    shown: int = SHOWN,
) -> Template:
    """Find the words that a session's prompts have in common, by runs of three words.

    A word is fixed where it stands in a run of three that at least 30 % of the prompts hold, and
    `least` of them, and where who sent each prompt is told, that `least_senders` of those used. A
    skeleton of more than `shown` characters is cut.

    >>> prompts = [f"Translate the word {word} into Greek." for word in ("sea", "sky", "sun")]
    >>> found = find_template(prompts)
    >>> found.skeleton, found.prompts, found.fills
    ('Translate the word {} into Greek.', 3, [['sea'], ['sky'], ['sun']])
    """
    spans = [_spans(prompt) for prompt in prompts]
    words = [_words(row) for row in spans]
    common = _common(words, least, senders, least_senders)
    fixed = [_fixed(row, common) for row in words]
    shares = [sum(row) / len(row) for row in fixed if any(row)]
    if not shares:
        return Template(0.0, 0.0, None, 0, [])
    filled = [
        _skeleton(prompt, row, mask)
        for prompt, row, mask in zip(prompts, spans, fixed, strict=True)
        if any(mask)
    ]
    counted = Counter(skeleton for skeleton, _ in filled)
    skeleton, count = min(counted.items(), key=lambda item: (-item[1], len(item[0]), item[0]))
    fills = dict.fromkeys(tuple(slots) for found, slots in filled if found == skeleton)
    return Template(
        len(shares) / len(prompts),
        sum(shares) / len(shares),
        shortened(skeleton, shown),
        count,
        [[shortened(slot, SHOWN_SLOT) for slot in slots] for slots in list(fills)[:FILLS]],
    )


def common_runs(prompts: Sequence[str]) -> Runs:
    """Return the runs of three words that `find_template` takes for fixed."""
    return _common([_words(_spans(prompt)) for prompt in prompts])


def marked(prompt: str, runs: Runs) -> list[tuple[str, bool]]:
    """Split a prompt where its fixed words begin and end: its parts, and whether each is fixed.

    >>> runs = common_runs([f"Translate the word {word}." for word in ("sea", "sky", "sun")])
    >>> marked("Translate the word salt.", runs)
    [('Translate the word', True), (' salt.', False)]
    """
    spans = _spans(prompt)
    mask = _fixed(_words(spans), runs)
    parts, end = [], 0
    for is_fixed, run in groupby(zip(spans, mask, strict=True), key=lambda pair: pair[1]):
        if is_fixed:
            whole = [span for span, _ in run]
            if whole[0].start() > end:
                parts.append((prompt[end : whole[0].start()], False))
            end = whole[-1].end()
            parts.append((prompt[whole[0].start() : end], True))
    return [*parts, (prompt[end:], False)] if end < len(prompt) or not parts else parts


def shortened(text: str, most: int) -> str:
    """Return the text, cut to so many characters, an ellipsis the last of them."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _spans(prompt: str) -> list[re.Match[str]]:
    return list(islice(TOKEN.finditer(prompt, 0, HEAD), TOKENS))


def _words(spans: Sequence[re.Match[str]]) -> list[str]:
    return [span[0].lower() for span in spans]


def _common(
    words: Sequence[Sequence[str]],
    least: int = LEAST,
    senders: Sequence[int] = (),
    least_senders: int = 1,
) -> Runs:
    grams = [set(zip(*(row[i:] for i in range(GRAM)), strict=False)) for row in words]
    counts = Counter(gram for row in grams for gram in row)
    enough = max(least, SHARE * len(words))
    common = {gram for gram, count in counts.items() if count >= enough}
    if not senders:
        return common
    used = {(gram, who) for row, who in zip(grams, senders, strict=True) for gram in row}
    by = Counter(gram for gram, _ in used)
    return {gram for gram in common if by[gram] >= least_senders}


def _fixed(words: Sequence[str], common: Runs) -> list[bool]:
    mask = [False] * len(words)
    for i in range(len(words) - GRAM + 1):
        if tuple(words[i : i + GRAM]) in common:
            mask[i : i + GRAM] = [True] * GRAM
    return mask


def _skeleton(
    prompt: str, spans: Sequence[re.Match[str]], fixed: Sequence[bool]
) -> tuple[str, list[str]]:
    parts, slots, end = [], [], spans[0].start()
    for is_fixed, run in groupby(zip(spans, fixed, strict=True), key=lambda pair: pair[1]):
        run_spans = [span for span, _ in run]
        parts.append(prompt[end : run_spans[0].start()])
        end = run_spans[-1].end()
        text = prompt[run_spans[0].start() : end]
        parts.append(text if is_fixed else "{}")
        slots += [] if is_fixed else [text]
    return "".join(parts), slots
