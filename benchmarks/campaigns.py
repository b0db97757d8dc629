"""Campaigns: what is found in simulated traffic, and how often chance is taken for it.

`TRAFFIC` is simulated traffic with its truth, which only this script reads. Without one, the false
rates over made-up tables are measured alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from capscope.classify.campaigns import Launch, campaign_files
from capscope.classify.campaigns.groups import FDR
from capscope.classify.campaigns.links import find_links
from capscope.classify.campaigns.pivot import DAY, Moves, find_pivots
from capscope.classify.campaigns.things import Accounts, find_accounts, find_things

WORDS = 30_000


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def peak() -> float:
    """Return the peak of this process's memory in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def detect(traffic: Path) -> None:
    """Compare what is found with the truth."""
    table = pq.read_table(traffic, columns=["account_id", "kind", "campaign"])
    truth = {
        account: campaign or kind
        for account, kind, campaign in zip(*(c.to_pylist() for c in table.columns), strict=True)
    }
    planted = set(table.filter(pa.compute.equal(table["kind"], "campaign"))["campaign"].to_pylist())
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "found.jsonl"
        campaign_files([str(traffic)], output)
        found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    say(f"{traffic}: {len(truth):,} accounts, {table.num_rows:,} prompts")
    say(f"  {time.perf_counter() - begin:.0f} s, peak {peak():.2f} GB, {len(found)} groups")
    flagged = [group for group in found if group["label"] == "extraction"]
    inside = [truth[m["account_id"]] for group in flagged for m in group["accounts"]]
    wrong = sum(name not in planted for name in inside)
    say(f"  {len(flagged)} groups called extraction, {len(inside)} accounts, {wrong} wrongly")
    for name in sorted(planted) + ["relay"] * ("relay" in truth.values()):
        tell_group(name, found, truth)
    relays = [group for group in found if group["kind"] == "relay"]
    false = sum(truth[group["accounts"][0]["account_id"]] != "relay" for group in relays)
    say(f"  {len(relays)} groups called relays, {false} of them wrongly")
    products = [g for g in found if truth[g["accounts"][0]["account_id"]].startswith("applic")]
    called = sum(group["label"] == "extraction" for group in products)
    say(f"  {called} of {len(products)} groups of applications called extraction")


def tell_group(name: str, found: list[dict[str, Any]], truth: dict[str, str]) -> None:
    """Print how whole one planted group was found."""
    size = sum(one == name for one in truth.values())
    counts = [sum(truth[m["account_id"]] == name for m in group["accounts"]) for group in found]
    if not any(counts):
        say(f"  {name}: none of {size} accounts in any group")
        return
    best = int(np.argmax(counts))
    group, held = found[best], len(found[best]["accounts"])
    pivot = group["pivot"]
    say(
        f"  {name}: {counts[best]} of {size} accounts in one group of {held}, kind "
        f"{group['kind']}, score {group['score']:.3f}"
        + (f", pivot {pivot['effect']:+.3f} (p = {pivot['p_value']:.2g})" if pivot else "")
    )


def false_links(repeats: int) -> None:
    """Count tables that link anybody though nothing ties anybody."""
    rng = np.random.default_rng(0)
    linked = 0
    for _ in range(repeats):
        table, accounts, prompt, texts = made_up(500, 5_000, rng, planted=0)
        things = find_things(table, accounts, prompt, texts)
        linked += bool((find_links(things).q < FDR).any())
    say(f"links at q < {FDR}: in {linked} of {repeats} tables of independent accounts")


def false_pivots(repeats: int) -> None:
    """Count groups with a pivot where every account adopts a launched model alike."""
    rng = np.random.default_rng(1)
    chances: list[float] = []
    claimed = 0
    for _ in range(repeats):
        table, accounts, _, _ = made_up(4_000, 120_000, rng, planted=0)
        groups = np.array_split(rng.permutation(4_000), 40)
        launch = Launch("new", 10 * DAY, found=False)
        pivots = find_pivots(Moves(table, accounts), [launch], [np.sort(one) for one in groups])
        chances += [row[0].p_value for row in pivots]
        claimed += any(row[0].q_value < 0.001 for row in pivots)
    say(
        f"pivots without one, {repeats} simulations of 40 groups: {claimed} with q < 0.001; "
        + ", ".join(f"p <= {x}: {np.mean(np.array(chances) <= x):.4f}" for x in (0.1, 0.01, 0.001))
    )


def made_up(
    accounts: int, rows: int, rng: np.random.Generator, planted: int
) -> tuple[pa.Table, Accounts, NDArray[np.int64], pa.Array]:
    """Make traffic up: half of all prompts are new, the others chosen by popularity.

    The first `planted` accounts fill one of five templates half of the time.
    """
    of = rng.permutation(np.arange(rows) % accounts)
    day = np.sort(rng.uniform(0, 20, rows))
    moved = (rng.random(accounts) < 0.3)[of] & (day > rng.uniform(10, 20, accounts)[of])
    number = np.where(rng.random(rows) < 0.5, np.arange(rows), rng.zipf(1.2, rows) % rows)
    words = pa.array([f"word{i}" for i in range(WORDS)])
    drawn = np.minimum(rng.zipf(1.05, (rows, 24)) % WORDS, WORDS - 1)
    columns = [words.take(pa.array(drawn[number, place])) for place in range(24)]
    text = pa.compute.binary_join_element_wise(*columns, " ").to_numpy(zero_copy_only=False)
    fixed = [" ".join(f"fixed{template}x{i}" for i in range(12)) for template in range(5)]
    for row in np.flatnonzero((of < planted) & (rng.random(rows) < 0.5)):
        text[row] = f"{text[row]} {fixed[row % 5]}"
    coded = pa.array(text, pa.large_string()).dictionary_encode()
    prompt = np.asarray(coded.indices, dtype=np.int64)
    empty = pa.nulls(rows, pa.string())
    table = pa.table(
        {
            "account_id": pa.array([f"a{i}" for i in range(accounts)]).take(pa.array(of)),
            "timestamp": pa.array((day * DAY).astype(np.int64), pa.timestamp("us", tz="UTC")),
            "model": pa.array(np.where(moved, "new", "old")),
            "system": pa.array(["You help.", None, None], pa.large_string()).take(pa.array(of % 3)),
            **dict.fromkeys(("organisation", "network", "client", "payment"), empty),
        }
    )
    return table, find_accounts(table, prompt), prompt, coded.dictionary


def main() -> None:
    """Print every figure as a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traffic", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    versions = " ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "networkx", "pyarrow"))
    say(f"{platform.platform()}, Python {platform.python_version()}, {versions}")
    for traffic in options.traffic:
        detect(traffic)
    if options.repeats:
        false_links(options.repeats)
        false_pivots(options.repeats)


if __name__ == "__main__":
    main()
