"""Campaigns as a table for people. Ids and texts in it are hostile."""

from __future__ import annotations

from typing import Any

from rich.console import RenderableType
from rich.table import Table

from ...data import plain
from .campaign import Campaign

TOP = 20


def campaign_table(campaigns: list[Campaign]) -> RenderableType:
    """Show the first groups: what each is, how large, and what its accounts share most."""
    shown = campaigns[:TOP]
    title = f"{len(shown)} of {len(campaigns):,} groups" if len(campaigns) > TOP else "Groups"
    table = Table(title=title)
    right = ("accounts", "prompts", "score")
    for column in ("group", "kind", "label", *right, "pivot p", "they share"):
        table.add_column(column, justify="right" if column in right else "left")
    for one in shown:
        table.add_row(
            plain(one.campaign_id, 16),
            one.kind + (" (experimental)" if one.kind == "relay" else ""),
            one.label,
            f"{len(one.members):,}",
            f"{one.prompts:,}",
            "–" if one.score is None else f"{one.score:.3f}",
            _pivot(one.pivot),
            plain("; ".join(str(thing["what"]) for thing in one.evidence["shared"][:2]), 60),
        )
    return table


def _pivot(pivot: dict[str, Any] | None) -> str:
    return "–" if pivot is None else f"{pivot['p_value']:.1g}"
