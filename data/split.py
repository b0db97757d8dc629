"""Who may stand on which side of a split: sources and their kin, templates, grids."""

from __future__ import annotations

from collections.abc import Sequence

from .pool import PoolSource

FOLDS = 5
HELD_OUT = "held-out"

KIN = (
    {"flan_cot", "alpaca_cot"},
    {"gsm8k", "svamp"},
    {"prometheus_eval", "biggen_bench"},
    {"bfcl", "bfcl_multiturn", "gorilla_apibench"},
    {"webarena", "visualwebarena"},
    {"alpaca_harmless", "alpaca_gpt4_demo", "codealpaca"},
    {"hotpot_react", "fireact", "strategyqa"},
    {"commit_messages", "code_review_diffs"},
)
"""Sources that share questions, templates or makers: one side of every split holds all of them."""


def assign_groups(sources: Sequence[PoolSource]) -> dict[str, str]:
    """Give each source its group: `fold-0` to `fold-4`, or `held-out` where it may not train.

    Kin share a group; areas and kinds are spread over the folds as evenly as whole kin sets allow.
    """
    families: dict[str, list[PoolSource]] = {}
    for source in sorted(sources, key=lambda source: source.name):
        kin = next((kin for kin in KIN if source.name in kin), {source.name})
        families.setdefault(min(kin), []).append(source)
    ordered = sorted(families.values(), key=lambda f: (f[0].kind, f[0].area or "", f[0].name))
    groups = {}
    turn = 0
    for family in ordered:
        trainable = all(source.may_train for source in family)
        for source in family:
            groups[source.name] = f"fold-{turn % FOLDS}" if trainable else HELD_OUT
        turn += trainable
    return groups


def group_of(position: int) -> str:
    """Give the group of the recipe at this position of its file: five folds and one held out."""
    turn = position % (FOLDS + 1)
    return HELD_OUT if turn == FOLDS else f"fold-{turn}"
