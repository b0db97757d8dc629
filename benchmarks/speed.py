"""Prompts per second of `label` against the plain way, in one run: `make bench-speed`.

The plain way embeds every prompt, repeats included, with sentence-transformers (`encode`, float32,
batches of 32) and computes the same measures and scores. It is timed on the first rows of the
traffic, in rounds that alternate with capscope's encoder on the same rows, so that what else the
machine does falls on both; its seconds per prompt stand for larger traffic, whose tokens and
repeats are told. `label` and
`label --exact` run as commands on the sizes that are asked for, start and reading included.

    python benchmarks/speed.py out/full/speed.parquet --sizes 100000 --extraction 0.1
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from tokenizers import Tokenizer

from capscope.classify import SessionModel, compute_features, label, load_model
from capscope.data import read_traffic
from capscope.embed import CachedEncoder, SentenceEncoder, Vectors, distinct, embed, find_weights
from capscope.embed.runtime import sentence_transformers
from capscope.index import AreaMap

Work = Callable[[Path], object]
PACKAGES = ("torch", "sentence-transformers", "transformers", "tokenizers", "numpy")
PLAIN = "plain way"
LIMIT = 256
"""Tokens of a prompt that the encoder reads, on both sides."""


def main() -> None:
    """Time all ways, print the figures and what they ran on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("traffic", type=Path, help="a Parquet file of traffic")
    parser.add_argument("--rows", type=int, default=2000, help="its first rows, for both sides")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="*", default=[], help="rows for label alone")
    parser.add_argument("--exact-sizes", type=int, nargs="*", default=[], help="for --exact alone")
    parser.add_argument(
        "--extraction", type=float, help="share of extraction sessions that are kept, else all"
    )
    options = parser.parse_args()
    told(
        f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    )
    with TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        table = pq.read_table(options.traffic)
        if options.extraction is not None:
            table = thinned(table, options.extraction)
        seconds = side_by_side(table, options.rows, options.rounds, Path(folder))
        alone(table, options.sizes, options.exact_sizes, seconds, Path(folder))


def thinned(table: pa.Table, share: float) -> pa.Table:
    """Return traffic with this share of its extraction sessions, evenly taken."""
    sessions = np.array(table["session_id"].to_pylist())
    extraction = np.array(table["label"].to_pylist()) == "extraction"
    names = np.unique(sessions[extraction])
    kept = names[np.linspace(0, len(names) - 1, max(1, round(share * len(names)))).astype(int)]
    return table.filter(pa.array(~extraction | np.isin(sessions, kept)))


def side_by_side(table: pa.Table, rows: int, rounds: int, folder: Path) -> float:
    """Time the plain way and capscope on the same rows; return the plain way's s per prompt."""
    model = load_model()
    transformer = sentence_transformers().SentenceTransformer(
        str(find_weights()), local_files_only=True
    )
    ours, float32 = SentenceEncoder(), SentenceEncoder(precision="float32")
    warm = CachedEncoder(ours, folder / "cache")
    areas = AreaMap.embedded(ours)

    def plain(prompts: pa.ChunkedArray) -> NDArray[np.float32]:
        return np.asarray(
            transformer.encode(
                prompts.to_pylist(), normalize_embeddings=True, show_progress_bar=False
            )
        )

    def judged_plainly(part: Path) -> None:
        traffic = read_traffic([str(part)])
        prompts = traffic.table["prompt"]
        texts, of = distinct(prompts)
        first = np.unique(of, return_index=True)[1]
        vectors = Vectors(plain(prompts)[first], texts, of, ours.fingerprint)
        features = compute_features(traffic.groups("session"), vectors, areas, model.parts)
        model.short.passes.whole.score_sessions(features.values)

    ways: dict[str, Work] = {
        "encode: sentence-transformers": lambda part: plain(prompts_of(part)),
        "encode: capscope, float32": lambda part: embed(prompts_of(part), float32),
        f"encode: capscope, {ours.fingerprint.rsplit(':', 1)[1]}": lambda part: embed(
            prompts_of(part), ours
        ),
        "encode: capscope, cache warm": lambda part: embed(prompts_of(part), warm),
        PLAIN: judged_plainly,
        "label --exact": lambda part: judged(part, ours, model, areas, exact=True),
        "label": lambda part: judged(part, ours, model, areas, exact=False),
    }
    prompts = table["prompt"].slice(0, rows)
    parts = []
    step = -(-rows // rounds)
    for number in range(rounds):
        parts.append(folder / f"part-{number}.parquet")
        pq.write_table(table.slice(number * step, min(step, rows - number * step)), parts[-1])
    pq.write_table(table.slice(0, 40), folder / "first.parquet")
    embed(prompts, warm)
    clocks = {name: Clock() for name in ways}
    for way in ways.values():
        way(folder / "first.parquet")
    for part in parts:
        for name, way in ways.items():
            clocks[name].time(way, part)
        told_progress(
            f"{part.name}: " + ", ".join(f"{n} {c.wall:.1f} s" for n, c in clocks.items())
        )
    told(counted(prompts))
    rates = {name: len(prompts) / clock.wall for name, clock in clocks.items()}
    for name, clock in clocks.items():
        base = PLAIN if not name.startswith("encode") else "encode: sentence-transformers"
        told(
            f"{name}: {rates[name]:,.1f} prompts/s, {len(prompts) / clock.processor:,.1f} a "
            f"processor second; {rates[name] / rates[base]:.2f} times the {base}"
        )
    return clocks[PLAIN].wall / len(prompts)


def alone(table: pa.Table, sizes: list[int], exact: list[int], plain: float, folder: Path) -> None:
    """Run `label` as a command on each size; print rate, memory and growth."""
    for flags, wanted in (([], sizes), (["--exact"], exact)):
        told("")
        done: list[tuple[int, float]] = []
        for size in wanted:
            part = folder / "traffic.parquet"
            rows = table.slice(0, size)
            pq.write_table(rows, part)
            output = folder / "verdicts.jsonl"
            wall, memory = command(["label", str(part), "-o", str(output), *flags])
            verdicts = [json.loads(line) for line in output.read_text().splitlines()]
            first = sum(v["prompts"] for v in verdicts if v["evidence"]["first_pass"])
            done.append((len(rows), wall))
            told(counted(rows["prompt"]))
            told(
                f"label {' '.join(flags)} on {len(rows):,}: {wall:.1f} s, "
                f"{len(rows) / wall:,.0f} prompts/s, {plain * len(rows) / wall:.1f} times the "
                f"{PLAIN} (scaled from the sample), {memory:.2f} GB; {first / len(rows):.1%} of "
                "prompts seen by the first pass alone"
            )
        if len(done) > 1:
            (n, short), (m, long) = done[0], done[-1]
            told(f"time grows as n^{math.log(long / short) / math.log(m / n):.2f}")


@dataclass(slots=True)
class Clock:
    """Seconds of the clock and of the processors."""

    wall: float = 0.0
    processor: float = 0.0

    def time(self, way: Work, part: Path) -> None:
        """Add what one piece of work takes."""
        wall, processor = time.perf_counter(), time.process_time()
        way(part)
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor


def judged(
    part: Path, encoder: SentenceEncoder, model: SessionModel, areas: AreaMap, exact: bool
) -> None:
    """Label a file with what is loaded already."""
    list(label(read_traffic([str(part)]), encoder, model, exact=exact, areas=areas))


def counted(prompts: pa.ChunkedArray) -> str:
    """Tell how much work prompts are, with and without repeats."""
    tokenizer = Tokenizer.from_file(str(find_weights() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LIMIT)
    every, once = (
        sum(len(encoded.ids) for encoded in tokenizer.encode_batch_fast(texts.to_pylist()))
        for texts in (prompts, prompts.unique())
    )
    return (
        f"{len(prompts):,} prompts, {len(prompts.unique()):,} distinct, "
        f"{every / len(prompts):.1f} tokens on average ({LIMIT} at most), {every / once:.2f} times "
        "those of the distinct ones"
    )


def prompts_of(part: Path) -> pa.ChunkedArray:
    """Read a file's prompts."""
    return pq.read_table(part, columns=["prompt"])["prompt"]


def command(arguments: list[str]) -> tuple[float, float]:
    """Run capscope; return its seconds and its peak of resident memory in GB."""
    code = "from capscope.cli import app; app()"
    started = time.perf_counter()
    child = os.posix_spawn(
        sys.executable, [sys.executable, "-c", code, *arguments], dict(os.environ)
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"capscope {' '.join(arguments)} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - started, usage.ru_maxrss * unit / 1e9


def told(line: str) -> None:
    """Print a line of the results."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def told_progress(line: str) -> None:
    """Tell a person how far it is."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    main()
