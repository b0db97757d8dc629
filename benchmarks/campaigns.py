"""Campaigns: what is found in simulated traffic, and how often chance is taken for it.

`TRAFFIC` is simulated traffic with its truth, which only this script reads. Without one, the false
rates are measured alone: of links over made-up tables, of pivots over whole simulated traffic.
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
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from capscope.classify.campaigns import Corpus, campaign_files, find_ties
from capscope.classify.campaigns.groups import FDR, find_groups
from capscope.classify.campaigns.links import find_links
from capscope.classify.campaigns.pivot import DAY, find_pivots
from capscope.classify.campaigns.settle import settle
from capscope.classify.campaigns.things import Accounts, find_accounts, find_things
from capscope.data import read_traffic, write_simulation
from capscope.data.simulation.mix import load_mix
from capscope.embed import SentenceEncoder

WORDS = 30_000
PIVOT = "pivot = 0.48\n"
"""How the mix `small-campaigns` says that a campaign turns to the launched model."""


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


def false_pivots(pool: Path, repeats: int) -> None:
    """Count groups with a pivot in whole traffics where every account adopts a new model alike."""
    encoder = SentenceEncoder()
    chances: list[float] = []
    claimed = {0.01: 0, 0.001: 0}
    launched = 0
    with tempfile.TemporaryDirectory() as folder:
        mix, traffic = Path(folder) / "mix.toml", Path(folder) / "traffic.parquet"
        shipped = files("capscope.data.simulation").joinpath("mixes", "small-campaigns.toml")
        mix.write_text(shipped.read_text(encoding="utf-8").replace(PIVOT, ""), encoding="utf-8")
        if any(campaign.pivot for campaign in load_mix(str(mix)).campaign):
            raise SystemExit(f"small-campaigns turns otherwise than by {PIVOT.strip()}")
        for seed in range(repeats):
            write_simulation(pool, traffic, sessions=3_000, seed=1_000 + seed, mix=str(mix))
            ties = find_ties(Corpus.of_traffic(read_traffic([str(traffic)]), encoder))
            everyone = np.arange(len(ties.accounts))
            groups = find_groups(ties.things, ties.links)
            groups = settle(ties.things, ties.links, groups, everyone)
            launches = ties.moves.launches()
            launched += bool(launches)
            pivots = [one for row in find_pivots(ties.moves, launches, groups) for one in row]
            chances += [one.p_value for one in pivots]
            for rate in claimed:
                claimed[rate] += any(one.q_value < rate for one in pivots)
    say(
        f"{repeats} whole traffics without a pivot, a launch found in {launched}, {len(chances)} "
        "groups and launches: "
        + ", ".join(f"q < {rate} in {count}" for rate, count in claimed.items())
        + "; "
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
    parser.add_argument("--pool", type=Path, help="simulate traffic without a pivot from it, too")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    versions = " ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "networkx", "pyarrow"))
    say(f"{platform.platform()}, Python {platform.python_version()}, {versions}")
    for traffic in options.traffic:
        detect(traffic)
    if options.repeats:
        false_links(options.repeats)
    if options.pool:
        false_pivots(options.pool, options.repeats)


if __name__ == "__main__":
    main()
