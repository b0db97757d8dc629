"""Prompts per second of embedding: sentence-transformers' own way against capscope's.

Both get the same traffic, repeats included, in one run: the plain way encodes every prompt
(`encode`, float32, batches of 32), capscope each distinct prompt once, then once more from a warm
cache. Work is cut into rounds that alternate between the two, so that what else the machine does
falls on both. Seconds of the processors are printed beside those of the clock.

    python benchmarks/speed.py out/full/train.parquet --rows 1000
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from capscope.embed import CachedEncoder, SentenceEncoder, embed, find_weights
from capscope.embed.runtime import sentence_transformers

Way = Callable[[pa.ChunkedArray], NDArray[np.float32]]
PACKAGES = ("torch", "sentence-transformers", "transformers", "tokenizers", "numpy")


def main() -> None:
    """Time both ways, print the figures and what they ran on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traffic", type=Path, help="a Parquet file with a column prompt")
    parser.add_argument("--rows", type=int, default=1000, help="its first rows")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--exact", action="store_true", help="distinct prompts only, for both")
    options = parser.parse_args()
    prompts = pq.read_table(options.traffic, columns=["prompt"])["prompt"].slice(0, options.rows)
    if options.exact:
        prompts = pa.chunked_array([prompts.unique()])
    plain = sentence_transformers().SentenceTransformer(str(find_weights()), local_files_only=True)
    ours = SentenceEncoder()
    with TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        cached = CachedEncoder(ours, Path(folder))
        ways: dict[str, Way] = {
            "sentence-transformers": lambda p: plain.encode(
                p.to_pylist(), normalize_embeddings=True, show_progress_bar=False
            ),
            "capscope": lambda p: embed(p, ours)[np.arange(len(p))],
            "capscope, cache warm": lambda p: embed(p, cached)[np.arange(len(p))],
        }
        for way in ways.values():
            way(prompts.slice(0, 20))
        embed(prompts, cached)
        seconds = dict.fromkeys(ways, 0.0)
        processor = dict.fromkeys(ways, 0.0)
        worst, done = 0.0, 0
        step = -(-len(prompts) // options.rounds)
        for start in range(0, len(prompts), step):
            part, made = prompts.slice(start, step), []
            for name, way in ways.items():
                clock, cpu = time.perf_counter(), time.process_time()
                made.append(way(part))
                seconds[name] += time.perf_counter() - clock
                processor[name] += time.process_time() - cpu
            done += len(part)
            sys.stderr.write(f"{done:,} prompts: " + rates(done, seconds) + "\n")
            worst = max(worst, *(float(np.abs(rows - made[0]).max()) for rows in made[1:]))
    distinct = len(prompts.unique())
    lines = [
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        f"{len(prompts):,} prompts, {distinct:,} distinct; largest difference {worst:.1e}",
    ]
    for name in ways:
        rate, cpu_rate = len(prompts) / seconds[name], len(prompts) / processor[name]
        lines.append(
            f"{name}: {rate:,.1f} prompts/s, {cpu_rate:,.1f} a processor second; "
            f"{seconds['sentence-transformers'] / seconds[name]:.2f} times sentence-transformers"
        )
    sys.stdout.write("\n".join(lines) + "\n")


def rates(prompts: int, seconds: dict[str, float]) -> str:
    """Return the prompts per second of each way, in one line."""
    return ", ".join(f"{name} {prompts / spent:,.1f}/s" for name, spent in seconds.items())


if __name__ == "__main__":
    main()
