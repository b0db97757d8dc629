"""How fast and how well prompts are clustered and placed, beside named peers: see `--help`.

Each run is a process of its own with a time limit and a measured peak of memory. The peers that
capscope does not depend on, fast-hdbscan and EVoC, run in the Python that `--peers` names.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALLEST = 5
SMALL, LARGE, NEW = 20_000, 1_000_000, 100_000
PREDICTED = 2_000
"""Prompts on which approximate_predict is timed; its time is per prompt."""
LIMIT, GIGABYTES = 600, 16
SIZE, NOISE, SPREAD, DIMENSION = 200, 0.1, 0.7, 384
"""Planted clusters: mean size, share of noise, and noise's length beside a unit centre."""

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]


def planted(n: int, seed: int = 0) -> tuple[Vectors, Labels]:
    """Return unit vectors around random centres of unequal size, and noise labelled -1."""
    rng = np.random.default_rng(seed)
    share = rng.lognormal(0.0, 0.5, max(4, n // SIZE))
    labels = rng.choice(len(share), n, p=share / share.sum())
    labels[rng.random(n) < NOISE] = -1
    centres = rng.standard_normal((len(share), DIMENSION), dtype=np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = np.empty((n, DIMENSION), dtype=np.float32)
    for start in range(0, n, 65536):
        of = labels[start : start + 65536]
        block = rng.standard_normal((len(of), DIMENSION), dtype=np.float32)
        block *= np.where(of < 0, 1.0, SPREAD)[:, None].astype(np.float32) / DIMENSION**0.5
        block += centres[of] * (of >= 0)[:, None]
        vectors[start : start + 65536] = block / np.linalg.norm(block, axis=1, keepdims=True)
    return vectors, labels


def run_capscope(vectors: Vectors) -> Labels:
    """Cluster by this package."""
    from capscope.index import density_clusters

    return density_clusters(vectors, SMALLEST).labels


def run_hdbscan(vectors: Vectors, **settings: Any) -> Labels:  # noqa: ANN401
    """Cluster by the hdbscan package."""
    from hdbscan import HDBSCAN

    fitted = HDBSCAN(min_cluster_size=SMALLEST, **settings).fit(vectors.astype(np.float64))
    return np.asarray(fitted.labels_)


def run_fast_hdbscan(vectors: Vectors) -> Labels:
    """Cluster by fast-hdbscan."""
    from fast_hdbscan import HDBSCAN

    return np.asarray(HDBSCAN(min_cluster_size=SMALLEST).fit_predict(vectors))


def run_evoc(vectors: Vectors) -> Labels:
    """Cluster by EVoC, at its finest layer."""
    from evoc import EVoC

    return np.asarray(EVoC(base_min_cluster_size=SMALLEST).fit(vectors).cluster_layers_[0])


RUNS: dict[str, Callable[[Vectors], Labels]] = {
    "capscope": run_capscope,
    "hdbscan": lambda vectors: run_hdbscan(vectors),
    "hdbscan, boruvka_kdtree, core_dist_n_jobs=2": lambda vectors: run_hdbscan(
        vectors, algorithm="boruvka_kdtree", core_dist_n_jobs=2
    ),
    "fast-hdbscan": run_fast_hdbscan,
    "EVoC": run_evoc,
}


def worker(name: str, data: Path, out: Path) -> None:
    """Run one method on stored vectors and write its labels, seconds and peak memory."""
    vectors = np.load(data, mmap_mode="r")
    RUNS[name](np.ascontiguousarray(vectors[:1_500]))
    vectors = np.ascontiguousarray(vectors)
    started, busy = time.perf_counter(), time.process_time()
    labels = RUNS[name](vectors)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    np.savez(out, labels=labels, figures=np.array([seconds, busy, peak]))


def measured(name: str, python: str, data: Path, limit: int) -> tuple[Labels | None, str, float]:
    """Run one method apart; return labels, what to print, and seconds."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.npz"
        command = [python, __file__, "--worker", name, str(data), str(out)]
        most = int(GIGABYTES * 1e9)

        def limited() -> None:
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))

        try:
            subprocess.run(
                command, timeout=limit, check=True, capture_output=True, preexec_fn=limited
            )
        except subprocess.TimeoutExpired:
            return None, f"{name}: not done in {limit} s", float("inf")
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode().strip().splitlines()[-1:]
            return None, f"{name}: failed within {GIGABYTES} GB: {' '.join(last)}", float("inf")
        with np.load(out) as found:
            seconds, busy, peak = found["figures"].tolist()
            labels = found["labels"]
    about = f"peak {peak:.2f} GB, {labels.max() + 1:,} clusters, {(labels < 0).mean():.1%} noise"
    return (
        labels,
        f"{name}: {seconds:.1f} s ({busy:.1f} s of CPU), {about}",
        seconds,
    )


def small(
    name: str, vectors: Vectors, truth: Labels | None, least: float, peers: list[str]
) -> None:
    """Compare with the hdbscan package on the same vectors, the first of `peers` its default."""
    from sklearn.metrics import adjusted_rand_score

    told(f"\n## {name}: {len(vectors):,} x {vectors.shape[1]}")
    with TemporaryDirectory() as folder:
        data = Path(folder) / "vectors.npy"
        np.save(data, vectors)
        ours, line, seconds = measured("capscope", sys.executable, data, LIMIT)
        told(line)
        best, oracle = float("inf"), None
        for peer in peers:
            labels, line, took = measured(peer, sys.executable, data, LIMIT)
            told(line)
            best = min(best, took)
            oracle = labels if oracle is None else oracle
    assert ours is not None and oracle is not None
    told(f"times as fast as hdbscan at its best: {best / seconds:.0f} (target 50)")
    told(f"adjusted Rand index with hdbscan: {adjusted_rand_score(oracle, ours):.4f} ({least})")
    apart = abs((ours < 0).mean() - (oracle < 0).mean())
    told(f"noise apart: {apart:.2%} points (target 2 %)")
    if truth is not None:
        told(
            f"with the planted labels: capscope {adjusted_rand_score(truth, ours):.4f}, "
            f"hdbscan {adjusted_rand_score(truth, oracle):.4f}"
        )
    recall(vectors, ours)


def recall(vectors: Vectors, ours: Labels) -> None:
    """Tell how many of the true neighbours are found, by each road, and what it changes."""
    from sklearn.metrics import adjusted_rand_score

    from capscope.embed.runtime import faiss
    from capscope.index import neighbours
    from capscope.index.density import density_clusters

    library, k = faiss(), 15
    _, true = library.knn(vectors[::10], vectors, k + 1, metric=library.METRIC_INNER_PRODUCT)
    for road, flat, scanned in (("codes", 0, 10**9), ("lists", 0, 0), ("exact", 10**9, 0)):
        neighbours.FLAT, neighbours.SCANNED = flat, scanned
        found = neighbours.nearest_neighbours(vectors, k).numbers[::10]
        share = np.mean([len(set(t[1:]) & set(f)) / k for t, f in zip(true, found, strict=True)])
        score = adjusted_rand_score(ours, density_clusters(vectors).labels)
        told(f"neighbours by {road}: recall@{k} {share:.3f}; index with the above {score:.4f}")
    neighbours.FLAT, neighbours.SCANNED = 5_000, 50_000


def large(n: int, peers: str | None) -> None:
    """Cluster many planted vectors, beside fast-hdbscan and EVoC."""
    from sklearn.metrics import adjusted_rand_score

    told(f"\n## planted: {n:,} x {DIMENSION} (target 240 s and 4 GB)")
    with TemporaryDirectory(dir="out") as folder:
        data = Path(folder) / "vectors.npy"
        vectors, truth = planted(n)
        np.save(data, vectors)
        del vectors
        runs = [("capscope", sys.executable)]
        if peers:
            runs += [("EVoC", peers), ("fast-hdbscan", peers)]
        for name, python in runs:
            labels, line, _ = measured(name, python, data, LIMIT)
            score = "" if labels is None else f", index {adjusted_rand_score(truth, labels):.4f}"
            told(line + score)


def placing(vectors: Vectors) -> None:
    """Place new prompts, beside hdbscan's approximate_predict."""
    from hdbscan import HDBSCAN, approximate_predict
    from sklearn.metrics import adjusted_rand_score

    from capscope.index.clusters import cluster
    from capscope.index.placing import cutoffs_of, exemplars_of, place

    half = vectors[: len(vectors) // 2]
    told(f"\n## placing {NEW:,} prompts among clusters of {len(half):,} real ones")
    fitted = cluster(half)
    chosen, of = exemplars_of(fitted.labels, fitted.strengths)
    cutoffs = cutoffs_of(half, fitted.labels, chosen, of)
    new = np.resize(vectors[len(half) :], (NEW, vectors.shape[1]))
    started = time.perf_counter()
    placed = place(new, half[chosen], of, cutoffs)
    each = (time.perf_counter() - started) / NEW
    oracle = HDBSCAN(min_cluster_size=SMALLEST, prediction_data=True, core_dist_n_jobs=1)
    oracle.fit(half.astype(np.float64))
    started = time.perf_counter()
    predicted, _ = approximate_predict(oracle, new[:PREDICTED].astype(np.float64))
    theirs = (time.perf_counter() - started) / PREDICTED
    told(
        f"per prompt: capscope {each * 1e6:.1f} µs, approximate_predict {theirs * 1e6:.0f} µs "
        f"(timed on {PREDICTED:,}): {theirs / each:.0f} times as fast (target 20)"
    )
    again = place(half, half[chosen], of, cutoffs)
    inside = fitted.labels >= 0
    others = inside.copy()
    others[chosen] = False
    same = again.labels == fitted.labels
    told(
        f"agreeing with the fit: {same[inside].mean():.1%} of what is not noise (target 95 %), "
        f"{same[others].mean():.1%} without exemplars; noise left out {same[~inside].mean():.1%}"
    )
    told(
        "index with approximate_predict on new prompts: "
        f"{adjusted_rand_score(predicted, placed.labels[:PREDICTED]):.3f}"
    )


def told(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print every figure with its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path)
    parser.add_argument("--peers", help="a Python with fast-hdbscan and evoc installed")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=["planted", "real", "placing", "large"],
        default=["planted", "real", "placing", "large"],
    )
    given = parser.parse_args()
    if given.worker:
        worker(given.worker[0], Path(given.worker[1]), Path(given.worker[2]))
        return
    told(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    told(json.dumps(versions(given.peers)))
    if "planted" in given.parts:
        small("planted, well separated", *planted(SMALL), 0.98, ["hdbscan"])
    if {"real", "placing"} & set(given.parts):
        from pool_vectors import pool_vectors

        vectors = pool_vectors(given.pool)
        if "real" in given.parts:
            peers = [run for run in RUNS if run.startswith("hdbscan")]
            small("real prompts", vectors, None, 0.90, peers)
        if "placing" in given.parts:
            placing(vectors)
    if "large" in given.parts:
        large(LARGE, given.peers)


def versions(peers: str | None) -> dict[str, str]:
    """Return the versions of what is compared."""
    found = {name: version(name) for name in ("numpy", "scipy", "faiss-cpu", "hdbscan")}
    if peers:
        code = "from importlib.metadata import version as v; print(v('fast-hdbscan'), v('evoc'))"
        told_by = subprocess.run([peers, "-c", code], capture_output=True, text=True, check=True)
        found |= dict(zip(("fast-hdbscan", "evoc"), told_by.stdout.split(), strict=True))
    return found


if __name__ == "__main__":
    main()
