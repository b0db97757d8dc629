"""Accounts, sessions or one group, ranked by how they cover the areas against the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from ..data import By, Groups, InputError, Skipped, Traffic
from ..embed import Encoder
from .areas import AreaMap
from .background import drawn_together, false_discovery, rank
from .coverage import Cells, Coverage, measure
from .diversity import Floats
from .groups import Scope, usual
from .store import PromptIndex

Columns = dict[str, list[Any]]


def coverage_records(
    index: PromptIndex, encoder: Encoder, scope: Scope | None = None
) -> list[dict[str, Any]]:
    """Return a record for each account, session or group that is asked about, deepest first.

    Raises:
        InputError: `encoder` is not the index's, or the index has nothing that is asked about.
    """
    index.check_encoder(encoder)
    cells = Cells.of(index, AreaMap.embedded(encoder))
    return cover(index.rows, cells, scope or Scope())


def cover(rows: pa.Table, cells: Cells, scope: Scope) -> list[dict[str, Any]]:
    """Do what `coverage_records` does over rows whose cells are known.

    Raises:
        InputError: an account has no row, or the time holds none of what is asked about.
    """
    named, within = scope.named(rows), scope.within(rows)
    if not (named & within).any():
        raise InputError(
            "no prompt of that time in the index",
            "a time that covers prompts of what is asked about",
            "Move --since or --until.",
        )
    if scope.by == "group":
        rest = within & ~named if scope.accounts else ~within
        return _together(rows, cells, named & within, rest & usual(rows), scope.size)
    groups = _groups(rows, within, scope.by)
    found = measure(*_count(groups, cells), cells, scope.size)
    asked = named[groups.first]
    background = np.logical_and.reduceat(usual(rows)[groups.rows], groups.starts[:-1])
    if scope.accounts:
        background &= ~asked
    names = ("account_id",) if scope.by == "account" else ("session_id", "account_id")
    first = rows.select(names).take(pa.array(groups.first))
    columns = {name: first[name].to_pylist() for name in names}
    return _records(columns | _columns(found, cells, background, scope.size), found, asked)


def _together(
    rows: pa.Table,
    cells: Cells,
    asked: NDArray[np.bool_],
    rest: NDArray[np.bool_],
    prompts: int,
) -> list[dict[str, Any]]:
    """Return one record of the rows asked about, set against groups drawn from the rest."""
    times = pc.sort_indices(rows, [("timestamp", "ascending")]).to_numpy()
    together = times[asked[times]].astype(np.int64)
    counts, same = _count(Groups(together, np.array([0, len(together)])), cells)
    accounts = len(_groups(rows, asked, "account"))
    if rest.any():
        others, _ = _count(_groups(rows, rest, "account"), cells)
        counts = csr_array(vstack([counts, drawn_together(others, accounts)]))
    background = np.arange(counts.shape[0]) > 0
    found = measure(counts, np.where(background, np.nan, same), cells, prompts)
    columns = {"accounts": [accounts] * len(background)}
    columns |= _columns(found, cells, background, prompts)
    return _records(columns, found, ~background)


def _groups(rows: pa.Table, kept: NDArray[np.bool_], by: By) -> Groups:
    """Split the kept rows; the groups hold row numbers of all rows."""
    groups = Traffic(rows.filter(pa.array(kept)), Skipped()).groups(by)
    return Groups(np.flatnonzero(kept)[groups.rows], groups.starts)


def _count(groups: Groups, cells: Cells) -> tuple[csr_array, Floats]:
    """Count each group's prompts by cell, and its neighbours in time that are of one cell."""
    cell = cells.cell[groups.rows]
    shape = (len(groups), len(cells.area_of))
    counts = csr_array((np.ones(len(cell), np.int64), cell, groups.starts), shape=shape, copy=True)
    counts.sum_duplicates()
    group = np.repeat(np.arange(len(groups)), groups.sizes)
    same = (cell[1:] == cell[:-1]) & (group[1:] == group[:-1])
    return counts, np.bincount(group[1:], same, len(groups)).astype(np.float64)


def _columns(found: Coverage, cells: Cells, background: NDArray[np.bool_], prompts: int) -> Columns:
    """Return the fields of the records, one value for each group."""
    size = np.asarray(found.counts.sum(axis=1), dtype=np.int64)
    enough = size >= prompts
    ranked = rank(np.where(enough, found.depth, np.nan), background)
    measures = {
        "evenness": found.evenness,
        "focus": found.focus,
        "novelty": found.cells.novelty,
        "order": found.order.excess,
        "cells": found.cells.richness,
    }
    percentiles = {
        name: _numbers(rank(np.where(enough, values, np.nan), background).percentile, 1)
        for name, values in measures.items()
    }
    return {
        "prompts": size.tolist(),
        "areas": _named(found.shares, cells.areas),
        "evenness": _numbers(found.evenness, 4),
        "focus": _numbers(found.focus, 4),
        "novelty": _numbers(found.cells.novelty, 4),
        "order": _numbers(found.order.excess, 4),
        "percentile": _numbers(ranked.percentile, 1),
        "p_value": _chances(ranked.p_value),
        "q_value": _chances(false_discovery(ranked.p_value, ~background)),
        "background": ranked.size.tolist(),
        "rarefied_to": [prompts if more else None for more in enough.tolist()],
        "depth": _numbers(found.depth, 4),
        "cells": np.diff(found.counts.indptr).tolist(),
        "hill_cells": found.cells.hill.round(4).tolist(),
        "hill_areas": found.areas.hill.round(4).tolist(),
        "sample_coverage": _numbers(found.sample_coverage, 4),
        "order_p_value": _chances(found.order.p_value),
        "against": [
            dict(zip(percentiles, values, strict=True))
            for values in zip(*percentiles.values(), strict=True)
        ],
    }


def _numbers(values: Floats, digits: int) -> list[float | None]:
    """Round for output; None where nothing was measured."""
    return [None if value != value else value for value in (values.round(digits) + 0.0).tolist()]


def _chances(values: Floats) -> list[float | None]:
    """Keep four digits for output, however small; None where there is no chance to tell."""
    return [None if value != value else float(f"{value:.4g}") for value in values.tolist()]


def _named(shares: Floats, areas: list[str]) -> list[dict[str, float]]:
    """Name each group's areas, the largest first, those it never met left out."""
    order = np.argsort(-shares, axis=1, kind="stable")
    ordered = np.take_along_axis(shares, order, axis=1).round(4)
    met = (shares > 0).sum(axis=1).tolist()
    return [
        {areas[area]: share for area, share in zip(row[:n], values[:n], strict=True)}
        for row, values, n in zip(order.tolist(), ordered.tolist(), met, strict=True)
    ]


def _records(columns: Columns, found: Coverage, asked: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Turn the columns of the groups asked about into records, deepest first, the short last."""
    p_values = [2.0 if value is None else value for value in columns["p_value"]]
    keys = (np.negative(columns["prompts"]), -found.depth.round(9), np.array(p_values))
    order = np.lexsort(keys)
    kept = order[asked[order]].tolist()
    return [{name: values[i] for name, values in columns.items()} for i in kept]
