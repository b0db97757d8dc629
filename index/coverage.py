"""How a session or an account covers the capability areas, against what chance gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import InputError
from ..embed import Encoder
from .areas import AreaMap, Placed
from .store import PromptIndex

DRAWS = 499


@dataclass(frozen=True, slots=True)
class Coverage:
    """Measures of one group of prompts.

    Attributes:
        prompts: how many there are.
        areas: share of each area met, largest first.
        focus: 1 - H(areas) / ln(number of areas); 1 where all prompts are of one area.
        evenness: Hill's 1D / 0D over the cells met in the largest area (Hill 1973); 1 where all
            are met equally often.
        novelty: the chance that the next prompt opens a new cell, f1 / n (Good 1953).
        order: share of neighbouring prompts in one cell, less what shuffling gives; above 0 for
            block after block, below 0 for round robin.
        percentile: where `evenness` lies among draws of as many prompts from the whole traffic
            of that area, in percent.
        p_value: the chance of an evenness at least as high, from the same draws.
    """

    prompts: int
    areas: dict[str, float]
    focus: float
    evenness: float
    novelty: float
    order: float
    percentile: float
    p_value: float

    def record(self) -> dict[str, Any]:
        """Return the measures for output."""
        return {
            "prompts": self.prompts,
            "areas": {area: round(share, 4) for area, share in self.areas.items()},
            "evenness": round(self.evenness, 4),
            "focus": round(self.focus, 4),
            "novelty": round(self.novelty, 4),
            "order": round(self.order, 4),
            "percentile": round(self.percentile, 1),
            "p_value": round(self.p_value, 4),
        }


def entropy(counts: NDArray[np.int64]) -> float:
    """Shannon entropy in nats of a vector of counts."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def focus(area: NDArray[np.int64], areas: int) -> float:
    """Return 1 - H / ln K over the areas of a group's prompts, K being the number of areas."""
    return 1.0 - entropy(np.bincount(area)) / float(np.log(areas))


def evenness(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Hill's 1D / 0D of each row of counts (draws, cells); 1 where only one cell is met."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    return np.asarray(np.exp(-(shares * logs).sum(axis=1)) / (counts > 0).sum(axis=1))


def novelty(cell: NDArray[np.int64]) -> float:
    """Good and Turing's estimate f1 / n of the chance that the next prompt is of a new cell."""
    return float((np.bincount(cell + 1) == 1).sum() / len(cell))


def order(cell: NDArray[np.int64]) -> float:
    """Share of neighbours in one cell, less its expectation under shuffling; 0 for one prompt.

    The expectation is exact: sum over cells of n_c (n_c - 1) / (n (n - 1)).
    """
    n = len(cell)
    if n < 2:
        return 0.0
    counts = np.bincount(cell + 1)
    return float((cell[1:] == cell[:-1]).mean() - (counts * (counts - 1)).sum() / (n * (n - 1)))


def cover(
    placed: Placed, rows: NDArray[np.int64], areas: AreaMap, background: NDArray[np.int64]
) -> Coverage:
    """Measure one group.

    Args:
        placed: areas and cells of all prompts of the traffic.
        rows: the group's prompts, in time order.
        areas: what the positions in `placed` mean.
        background: how often the whole traffic meets each cell (cells,) int64.
    """
    area, cell = placed.area[rows], placed.cell[rows]
    counts = np.bincount(area, minlength=len(areas.areas))
    largest = int(counts.argmax())
    met = np.bincount(cell[(area == largest) & (cell >= 0)], minlength=len(areas.cells))
    even, percentile, p_value = 1.0, 50.0, 1.0
    if met.sum() > 1:
        inside = np.where(areas.area_of == largest, background, 0)
        rng = np.random.default_rng(0)
        draws = evenness(rng.multinomial(met.sum(), inside / inside.sum(), size=DRAWS))
        even = float(evenness(met[None, :])[0])
        percentile = 100.0 * float((draws < even).mean() + (draws == even).mean() / 2)
        p_value = float((1 + (draws >= even).sum()) / (1 + DRAWS))
    shares = {areas.areas[i]: counts[i] / len(rows) for i in np.argsort(-counts, kind="stable")}
    return Coverage(
        len(rows),
        {name: float(share) for name, share in shares.items() if share > 0},
        focus(area, len(areas.areas)),
        even,
        novelty(cell),
        order(cell),
        percentile,
        p_value,
    )


def coverage_records(
    index: PromptIndex, encoder: Encoder, account: str | None = None
) -> list[dict[str, Any]]:
    """Return a record for each account of the index, or for each session of one account.

    The least likely evenness comes first.

    Raises:
        InputError: `encoder` is not the index's, or the account is not in the index.
    """
    index.check_encoder(encoder)
    areas = AreaMap.embedded(encoder)
    placed = areas.place(index.vectors)
    prompts = np.asarray(index.rows["prompt"])
    cells = placed.cell[prompts]
    background = np.bincount(cells[cells >= 0], minlength=len(areas.cells))
    name = "account_id" if account is None else "session_id"
    owners = index.rows if account is None else _of_account(index, account)
    records = []
    for owner, numbers in _by_owner(owners, name):
        records.append({name: owner, **cover(placed, numbers, areas, background).record()})
    return sorted(records, key=lambda record: (record["p_value"], -record["prompts"]))


def _of_account(index: PromptIndex, account: str) -> pa.Table:
    rows = index.rows.filter(pc.equal(index.rows["account_id"], account))
    if not rows.num_rows:
        raise InputError(
            f"no prompt of the account {account} in the index",
            "an account that the index holds",
            "Leave out --account to see all of them.",
        )
    return rows


def _by_owner(rows: pa.Table, name: str) -> Iterator[tuple[str | None, NDArray[np.int64]]]:
    """Yield each account or session with its prompts' numbers in time order."""
    rows = rows.append_column("place", pa.array(np.arange(rows.num_rows)))
    rows = rows.sort_by([(name, "ascending"), ("timestamp", "ascending"), ("place", "ascending")])
    owners = rows[name].combine_chunks().dictionary_encode().indices.fill_null(-1)
    starts = np.flatnonzero(np.diff(np.asarray(owners), prepend=-2))
    for numbers, start in zip(
        np.split(np.asarray(rows["prompt"]), starts[1:]), starts, strict=True
    ):
        yield rows[name][int(start)].as_py(), numbers
