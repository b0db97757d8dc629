"""Search in an index of a million vectors against a brute-force scan, and 50 kills while adding.

The vectors are the pool's 20,000 real ones, repeated with small noise; the queries are others of
their kind. The index is made by `add` as any other, with an encoder that gives out these vectors.
The searches run in a process of their own that opens the index and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from given_vectors import ACCOUNTS, Given, near, traffic
from index_kills import killed
from numpy.typing import NDArray
from pool_vectors import pool_vectors

from capscope.index import Chosen, Filter, add, matches, nearest, open_index

QUERIES = 500
K = 10
ALL = Chosen(None, None)


def main() -> None:
    """Make the index, search it, kill writers, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    out = Path("out/index-search")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    base, rng = pool_vectors(options.pool), np.random.default_rng(0)
    vectors = near(base, options.vectors, rng)
    queries = near(base[rng.permutation(len(base))[:QUERIES]], QUERIES, rng)
    start = time.perf_counter()
    add(out / "index", traffic(0, len(vectors)), Given(vectors))
    say(f"{len(vectors):,} vectors added in {time.perf_counter() - start:.0f} s")
    start = time.perf_counter()
    add(out / "index", traffic(len(vectors), 1), Given(np.concatenate([vectors, queries[:1]])))
    say(f"one more added in {time.perf_counter() - start:.1f} s")
    best, scan = brute(vectors, queries)
    members = np.arange(7, len(vectors), ACCOUNTS)
    account = members[brute(vectors[members], queries)[0]]
    np.savez(out / "truth.npz", queries=queries, all=best, account=account)
    command = [sys.executable, __file__, "--search", str(out / "index"), str(out / "truth.npz")]
    del vectors
    report(json.loads(subprocess.check_output(command)), scan)
    np.save(out / "vectors.npy", near(base, 200_000, rng))
    last = killed(out / "killed", out / "vectors.npy", options.kills, random.Random(0))
    say(f"{options.kills} kills while adding: each last commit whole; {last:,} prompts at the end")


def search(folder: Path, truth: Path) -> None:
    """Open the index, search it, and print the figures as JSON."""
    with np.load(truth, allow_pickle=False) as kept:
        queries, best, of_account = kept["queries"], kept["all"], kept["account"]
    begun = resident()
    start = time.perf_counter()
    index = open_index(folder)
    opened = time.perf_counter()
    matches(index, queries[0], K, ALL)
    figures: dict[str, Any] = {"open": opened - start, "first": time.perf_counter() - opened}
    figures["search"], found = each(lambda query: nearest(index, query, K), queries)
    figures["recall"] = recall(found, best)
    figures["records"], _ = each(lambda query: matches(index, query, K, ALL), queries)
    figures["resident"] = {"before": begun, "after": resident()}
    chosen = Filter(account="a-7").choose(index)
    figures["filtered"], found = each(
        lambda query: nearest(index, query, K, chosen.prompts), queries
    )
    figures["filtered_recall"] = recall(found, of_account)
    sys.stdout.write(json.dumps(figures) + "\n")


def report(figures: dict[str, Any], scan: float) -> None:
    """Print what the searching process found."""
    resident = figures["resident"]
    say(f"open: {figures['open'] * 1e3:.0f} ms; first query {figures['first']:.1f} s, with sha-256")
    say(f"recall@{K} against brute force: {figures['recall']:.4f} (at least 0.97)")
    for name, what in (("search", "query"), ("records", "query with its records")):
        median, slowest = figures[name]
        say(f"{what}: median {median:.2f} ms (3), 99th percentile {slowest:.2f} ms (15)")
    say(f"brute force: {scan:.0f} ms, {scan / figures['search'][0]:.0f} times as long")
    say(
        f"resident: {resident['after']['VmRSS']:.2f} GB with mapped pages "
        f"({resident['after']['RssFile']:.2f} GB of them files), peak "
        f"{resident['after']['VmHWM']:.2f} GB (1); before opening {resident['before']['VmRSS']:.2f}"
    )
    median, slowest = figures["filtered"]
    say(
        f"filter that keeps 1 %: recall@{K} {figures['filtered_recall']:.4f} (at least 0.95), "
        f"median {median:.2f} ms, 99th percentile {slowest:.2f} ms"
    )


def resident() -> dict[str, float]:
    """Return this process's resident memory in GB, as Linux counts it."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    sizes = {words[0].rstrip(":"): words[1] for words in lines if len(words) == 3}
    return {n: int(sizes[n]) * 1024 / 1e9 for n in ("VmHWM", "VmRSS", "RssAnon", "RssFile")}


def each(
    run: Callable[[NDArray[np.float32]], Any], queries: NDArray[np.float32]
) -> tuple[list[float], list[Any]]:
    """Run all queries; return the median and the 99th percentile in ms, and the results."""
    seconds, results = [], []
    for query in queries:
        start = time.perf_counter()
        results.append(run(query))
        seconds.append(time.perf_counter() - start)
    return [float(q) for q in np.quantile(seconds, [0.5, 0.99]) * 1e3], results


def recall(found: Sequence[Any], expected: NDArray[np.int64]) -> float:
    """Return the share of the expected prompts that `nearest` found."""
    pairs = zip((numbers for _, numbers in found), expected, strict=True)
    return sum(len(np.intersect1d(*pair)) for pair in pairs) / expected.size


def brute(
    vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> tuple[NDArray[np.int64], float]:
    """Return the numbers of the K nearest by a scan of everything, and its ms for one query."""
    best, seconds = [], []
    for query in queries:
        start = time.perf_counter()
        similarities = vectors @ query
        top = np.argpartition(-similarities, K)[:K]
        seconds.append(time.perf_counter() - start)
        best.append(top)
    return np.array(best), float(np.median(seconds) * 1e3)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--search"]:
        search(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
