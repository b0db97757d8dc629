"""Coverage of a large index: time and memory to place its prompts and to rank its accounts.

Accounts are made up: each spreads its prompts unevenly over a few cells, but for a share that
walks the cells of one area in turn. How many of those are found says that the ranking works; it is
easy here and says nothing of real traffic.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from importlib.metadata import version

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from capscope.data import GENERAL, SCHEMA, load_areas
from capscope.index import AreaMap, Cells, Scope, cover

DIMENSION = 384


def made_up_areas(rng: np.random.Generator) -> AreaMap:
    """Return the shipped areas and cells, with random exemplars."""
    areas = load_areas()
    names = [area.name for area in areas]
    cells = [(area.name, cell) for area in areas for cell in area.cells]
    sizes = [len(texts) for area in areas for texts in area.cells.values()]
    return AreaMap(
        names,
        cells,
        unit(rng.normal(size=(sum(sizes), DIMENSION))),
        np.repeat(np.arange(len(cells)), sizes),
        np.array([names.index(area) for area, _ in cells]),
    )


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bring vectors to length 1."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


def made_up_cells(
    rng: np.random.Generator, accounts: int, rows: int, planted: int, area_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each row's account and cell, the first `planted` accounts walking one area each."""
    sizes = rng.multinomial(rows, rng.dirichlet(np.full(accounts, 2.0)))
    tastes = rng.gamma(0.15, size=(accounts, len(area_of))) + 1e-9
    counts = rng.multinomial(sizes, tastes / tastes.sum(axis=1, keepdims=True))
    account = np.repeat(np.arange(accounts), sizes)
    cell = np.repeat(np.tile(np.arange(len(area_of)), accounts), counts.ravel())
    for number in range(planted):
        own = np.flatnonzero(area_of == number % 12)
        walk = np.arange(sizes[number]) * len(own) // max(int(sizes[number]), 1)
        cell[account == number] = own[walk]
    return account, cell


def tell(what: str, begin: float) -> None:
    """Print a step's time and the peak of memory so far."""
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    sys.stdout.write(f"{what}: {seconds:.1f} s, peak memory so far {peak:.2f} GB\n")


def main() -> None:
    """Make the index up, place its prompts, rank its accounts and sessions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=24_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--distinct", type=int, default=500_000)
    parser.add_argument("--planted", type=float, default=0.01, help="share of the accounts")
    options = parser.parse_args()
    versions = " ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "pyarrow"))
    sys.stdout.write(f"{platform.platform()}, Python {platform.python_version()}, {versions}\n")

    begin = time.perf_counter()
    rng = np.random.default_rng(0)
    areas = made_up_areas(rng)
    of_exemplar = rng.integers(0, len(areas.exemplars), options.distinct)
    vectors = np.empty((options.distinct, DIMENSION), np.float32)
    for start in range(0, options.distinct, 50_000):
        near = areas.exemplars[of_exemplar[start : start + 50_000]]
        vectors[start : start + 50_000] = unit(near + rng.normal(size=near.shape) / 20)
    tell(f"{options.distinct:,} prompts made up", begin)
    begin = time.perf_counter()
    areas.place(vectors)
    tell("placed in their cells", begin)

    begin = time.perf_counter()
    general = areas.areas.index(GENERAL)
    area_of = np.append(areas.area_of[areas.area_of != general], general)
    planted = int(options.planted * options.accounts)
    account, cell = made_up_cells(rng, options.accounts, options.rows, planted, area_of)
    empty = {name: pa.nulls(options.rows, SCHEMA.field(name).type) for name in SCHEMA.names[1:]}
    names = pa.array([f"account-{number}" for number in range(options.accounts)])
    sitting = np.arange(options.rows) // 10 % 7
    rows = empty | {
        "account_id": names.take(pa.array(account)),
        "session_id": pa.array(np.char.mod("%d-", account) + np.char.mod("%d", sitting)),
        "timestamp": pa.array(np.arange(options.rows), SCHEMA.field("timestamp").type),
    }
    traffic = pa.table(rows)
    tell(f"{options.rows:,} rows of {options.accounts:,} accounts made up", begin)
    for scope in (Scope(), Scope(by="session"), Scope(("account-1", "account-2"), "group")):
        begin = time.perf_counter()
        records = cover(traffic, Cells(cell, area_of, areas.areas), scope)
        tell(f"by {scope.by}, {len(records):,} records", begin)
        if scope.by == "account":
            first = {record["account_id"] for record in records[:planted]}
            found = sum(f"account-{number}" in first for number in range(planted))
            sys.stdout.write(f"  {found} of {planted} that walk an area are of the first as many\n")


if __name__ == "__main__":
    main()
