"""The protocol: who may stand on which side of a split (`docs/evaluation.md` says why).

Sources with their kin, applications, wrappers, grids, system prompts and suffixes each belong to
one group: ten folds, and one held out that no training ever reads. A composed session takes all
it is made of from one group, so folds by group share no source, no template and no account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .pool import PoolSource
from .recipes import PAYLOAD_SOURCES

FOLDS = tuple(f"fold-{number}" for number in range(10))
HELD_OUT = "held-out"
HELD_OUT_EVERY = 6
"""Of so many recipes, one is held out."""
JOIN = "+"
"""Stands between the names of several sources or templates of one session."""

KIN = (
    {"flan_cot", "alpaca_cot", "strategyqa", "fireact", "hotpot_react"},
    {"gsm8k", "svamp"},
    {"prometheus_eval", "biggen_bench"},
    {"pandalm", "selfinstruct_seeds"},
    {"bfcl", "bfcl_multiturn", "gorilla_apibench"},
    {"webarena", "visualwebarena"},
    {"alpaca_harmless", "alpaca_gpt4_demo", "codealpaca"},
    {"commit_messages", "code_review_diffs", "reasoning_gym", "mbpp_plus"},
    {"humaneval", "realhumaneval"},
    {"awesome_prompts", "oasst2"},
    {"promptset_templates", "wmt22_sources"},
)
"""Sources that share questions, templates or makers: one side of every split holds all of them.

`make bench-kin` finds what they share. The last pair shares nothing: one fills the other.
"""

Split = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Sessions to train on and sessions to test on, as positions."""


def assign_groups(sources: Sequence[PoolSource]) -> dict[str, str]:
    """Give each source its fold, or `held-out` where it or its kin may not train.

    Kin share a group. Each family in turn goes to the fold that has the fewest sources of its
    kinds and areas, then the fewest in all.
    """
    families: dict[str, list[PoolSource]] = {}
    for source in sorted(sources, key=lambda source: source.name):
        kin = next((kin for kin in KIN if source.name in kin), {source.name})
        families.setdefault(min(kin), []).append(source)
    groups = {}
    held: Counter[tuple[str, object]] = Counter()
    for family in sorted(families.values(), key=lambda f: (-len(f), f[0].name)):
        traits = [_trait(source) for source in family]
        fold = min(FOLDS, key=lambda f: (sum(held[f, t] for t in traits), held[f, "all"], f))
        trainable = all(source.may_train for source in family)
        for source, trait in zip(family, traits, strict=True):
            groups[source.name] = fold if trainable else HELD_OUT
            held.update([(fold, trait), (fold, "all")] if trainable else [])
    return groups


def group_of(position: int) -> str:
    """Give the group of the recipe at this position of its file: every sixth is held out."""
    turn, place = divmod(position, HELD_OUT_EVERY)
    if place == HELD_OUT_EVERY - 1:
        return HELD_OUT
    return FOLDS[(turn * (HELD_OUT_EVERY - 1) + place) % len(FOLDS)]


def by_fold(groups: Sequence[str]) -> Iterator[Split]:
    """Hold out one group of sessions after the other."""
    named = np.array(groups)
    for group in np.unique(named):
        yield np.flatnonzero(named != group), np.flatnonzero(named == group)


def leave_one_out(
    held: Sequence[str | None], *shared: Sequence[str | None]
) -> Iterator[tuple[str, Split]]:
    """Hold out each name in turn, with all that it shares anything with.

    Args:
        held: what to hold out (sessions,): sources or areas, several joined by `JOIN`.
        shared: what training must not share with the sessions held out, (sessions,) each: sources,
            templates, accounts.

    Yields:
        The name, and the split: sessions that have it are tested; sessions that have none of it and
        nothing of `shared` in common with those train.
    """
    parts = [_parts(column) for column in (held, *shared)]
    for name in sorted(set().union(*parts[0])):
        tested = np.array([name in part for part in parts[0]])
        kept = ~tested
        for column in parts:
            seen = set().union(*(column[i] for i in np.flatnonzero(tested)))
            kept &= np.array([not (part & seen) for part in column], dtype=bool)
        yield name, (np.flatnonzero(kept), np.flatnonzero(tested))


def _parts(names: Sequence[str | None]) -> list[set[str]]:
    return [set(name.split(JOIN)) if name else set() for name in names]


def _trait(source: PoolSource) -> tuple[str, str | None, bool]:
    kind = "payload" if source.name in PAYLOAD_SOURCES else source.kind
    return kind, source.area, source.has_sessions
