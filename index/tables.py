"""Search results as a table for people. Prompts and ids in it are hostile text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from ..data import plain

WIDTHS = {
    "query": 7,
    "similarity": 10,
    "prompt": 60,
    "session_id": 20,
    "account_id": 20,
    "timestamp": 20,
    "model": 20,
    "repeats": 9,
    "account_count": 9,
}
TITLES = {"account_count": "accounts", "session_id": "session", "account_id": "account"}


def similar_table(records: Iterable[Mapping[str, Any]]) -> Table:
    """Show the records of `similar`, one a line."""
    records = list(records)
    names = [name for name in WIDTHS if name != "query" or "query" in (records or [{}])[0]]
    table = Table()
    for name in names:
        right = name in ("query", "similarity", "repeats", "account_count")
        table.add_column(TITLES.get(name, name), justify="right" if right else "left")
    for record in records:
        shown = {**record, "similarity": f"{record['similarity']:.4f}"}
        cells = ["" if shown[name] is None else shown[name] for name in names]
        table.add_row(*(plain(cell, WIDTHS[n]) for cell, n in zip(cells, names, strict=True)))
    return table
