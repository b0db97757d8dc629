"""Matches as a table for people. Ids and skeletons in it are hostile."""

from __future__ import annotations

from rich.console import RenderableType
from rich.table import Table

from ...data import plain
from .files import Matched

TOP = 20


def match_table(matched: Matched) -> RenderableType:
    """Show the accounts that fit best, and what rate of false matches the sender states."""
    records = matched.records
    count = sum(record["match"] for record in records)
    rate = matched.profile.outside
    title = f"{count:,} of {matched.accounts:,} accounts match"
    table = Table(
        title=title,
        caption=f"The sender matched {rate.matched:,} of {rate.accounts:,} accounts outside the "
        f"group: a rate of at most {rate.at_most:.2%} (95 %)",
    )
    right = ("similarity", "prompts", "fit", "q")
    for column in ("account", "match", *right, "most of them fit"):
        table.add_column(column, justify="right" if column in right else "left")
    for record in records[:TOP]:
        reasons = record["reasons"]
        table.add_row(
            plain(record["account_id"], 32),
            "yes" if record["match"] else "no",
            f"{record['similarity']:.3f}",
            f"{record['prompts']:,}",
            f"{record['fit']:,}",
            f"{record['q_value']:.1g}",
            plain(reasons[0]["skeleton"] if reasons else "(by meaning only)", 60),
        )
    return table
