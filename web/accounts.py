"""The accounts of an index: their sessions' verdicts, their coverage and the groups they are in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import GENERAL
from ..index import Cells, Scope, cell_shares, cover
from ..index.senders import NEVER
from .plots import Plot, matrix
from .view import View, key_of

SUMMED = """
SELECT account_id, count(*) AS sessions, sum(prompts)::BIGINT AS prompts,
    count(*) FILTER (label = 'extraction') AS flagged, max(score) AS score, max(last) AS last
FROM sessions WHERE account_id IS NOT NULL GROUP BY account_id ORDER BY account_id
"""
Order = Literal["score", "certainty", "depth", "prompts", "newest"]
COLUMNS: dict[Order, str] = {
    "score": "score",
    "certainty": "certainty",
    "depth": "depth",
    "prompts": "prompts",
    "newest": "last",
}
MOST = 5
"""Cells that are named."""
MONDAY, HOUR = 4 * 86_400_000_000, 3_600_000_000
"""Microseconds; 1970 began on a Thursday."""


@dataclass(frozen=True)
class Accounts:
    """The accounts of an index.

    Attributes:
        table: `account_id key sessions prompts flagged score last depth percentile area group
            certainty`, one row per account, by id.
        coverage: the record of each (docs/coverage.md), by id; empty until areas are known.
    """

    table: pa.Table
    coverage: Mapping[str, dict[str, Any]]

    @cached_property
    def number(self) -> dict[str, int]:
        """The row of each account by its key."""
        return {key: row for row, key in enumerate(self.table["key"].to_pylist())}

    def ordered(self, order: Order, start: int, size: int) -> list[dict[str, Any]]:
        """Return some rows, the highest first, those without a value last."""
        by = [(COLUMNS[order], "descending"), ("score", "descending"), ("account_id", "ascending")]
        first = self.table.sort_by(by) if self.table.num_rows else self.table
        return list(first.slice(start, size).to_pylist())


def find_accounts(view: View, groups: Iterable[Mapping[str, Any]]) -> Accounts:
    """Put together what is known of each account.

    Args:
        view: of the index.
        groups: records of the groups that were found (docs/campaigns.md).
    """
    rows = view.ask(SUMMED)
    member = {
        one["account_id"]: (group["campaign_id"], one["certainty"])
        for group in groups
        for one in group["accounts"]
    }
    cells = cells_of(view)
    covered = cover(view.index.rows, cells, Scope()) if cells is not None and rows else []
    coverage = {record["account_id"]: record for record in covered if record["account_id"]}
    for row in rows:
        record = coverage.get(row["account_id"], {})
        row["key"] = key_of(row["account_id"])
        row["depth"], row["percentile"] = record.get("depth"), record.get("percentile")
        row["area"] = next(iter(record.get("areas", ())), None)
        row["group"], row["certainty"] = member.get(row["account_id"], (None, None))
    return Accounts(pa.Table.from_pylist(rows, SCHEMA), coverage)


SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("account_id", "key")),
        *((name, pa.int64()) for name in ("sessions", "prompts", "flagged")),
        ("score", pa.float64()),
        ("last", pa.timestamp("us", "UTC")),
        *((name, pa.float64()) for name in ("depth", "percentile")),
        *((name, pa.string()) for name in ("area", "group")),
        ("certainty", pa.float64()),
    ]
)


def cells_of(view: View) -> Cells | None:
    """Return the cells of an index's rows; None until they are known."""
    if view.areas is None or view.cell is None:
        return None
    return Cells.at(view.areas, view.cell.astype(np.int64), view.index.senders.prompt)


def rows_of(view: View, accounts: Iterable[str]) -> NDArray[np.bool_]:
    """Tell which rows of the index are of some accounts (rows,)."""
    coded = view.index.senders.coded("account_id")
    wanted = pa.array(list(accounts), coded.values.type)
    named = np.asarray(pa.compute.is_in(coded.values, value_set=wanted))
    return np.append(named, False)[coded.codes]


@dataclass(frozen=True, slots=True)
class Spread:
    """Rows over the cells.

    Attributes:
        plot: the shares of the rows and of the background.
        most: area, cell, share and the background's share of the cells that are furthest above it.
    """

    plot: Plot
    most: list[tuple[str, str, float, float]]


def spread_of(view: View, asked: NDArray[np.bool_]) -> Spread | None:
    """Set the cells of some rows against the background; None until cells are known."""
    cells = cells_of(view)
    if view.areas is None or cells is None:
        return None
    names = [pair for pair in view.areas.cells if pair[0] != GENERAL] + [(GENERAL, GENERAL)]
    shares = cell_shares(view.index.columns(["account_id", "label"]), cells, asked)
    told = [
        (area, cell, ours, theirs)
        for (area, cell), ours, theirs in zip(
            names, shares.own.tolist(), shares.usual.tolist(), strict=True
        )
    ]
    above = sorted((one for one in told if one[2] > one[3]), key=lambda one: one[3] - one[2])
    return Spread(matrix(told), above[:MOST])


def hours_of(view: View, asked: NDArray[np.bool_]) -> list[int]:
    """Count rows by hour of the week, Monday's first hour in UTC first (168,)."""
    times = view.index.senders.time[asked]
    hour = (times[times < NEVER] - MONDAY) // HOUR % 168
    return list(np.bincount(hour, minlength=168).tolist())
