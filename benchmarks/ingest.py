"""`capscope convert` against pandas on a large log: rows per second, peak memory and the ratio.

Writes a log of chat requests (about 600 bytes a row), then runs both in processes of their own.
pandas does the same projection: `read_json(lines=True, chunksize=...)`, the newest user turn, the
account, the time in UTC, a cleaned prompt, one Parquet file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

WORDS = (
    "river stone ladder copper window garden signal market engine letter winter table harbour "
    "number travel candle bridge forest pocket silver thread meadow turbine column orchard"
).split()
CHUNK = 100_000

PANDAS = f"""
import sys
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

writer = None
for chunk in pd.read_json(sys.argv[1], lines=True, chunksize={CHUNK}):
    if "messages" in chunk:
        chunk["prompt"] = chunk["messages"].map(lambda m: m[-1]["content"])
        chunk["system"] = chunk["messages"].map(lambda m: m[0]["content"])
    chunk["timestamp"] = pd.to_datetime(chunk.get("timestamp", chunk.get("created")), utc=True)
    chunk["prompt"] = chunk["prompt"].str.normalize("NFC")
    chunk["prompt"] = chunk["prompt"].str.replace(r"[\\x00-\\x08\\x7f]", "", regex=True)
    names = ["prompt", "system", "model", "account_id", "timestamp"]
    chunk = chunk.rename(columns={{"user": "account_id"}})[names]
    table = pa.Table.from_pandas(chunk[chunk["prompt"].str.strip() != ""], preserve_index=False)
    writer = writer or pq.ParquetWriter(sys.argv[2], table.schema, compression="zstd")
    writer.write_table(table)
writer.close()
"""


def plain_row(rng: random.Random, number: int) -> dict[str, object]:
    """Return a plain row of about 600 bytes."""
    return {
        "session_id": f"s-{number // 12}",
        "account_id": f"a-{number // 12 % 50_000}",
        "timestamp": f"2026-03-{number % 28 + 1:02d}T{number % 24:02d}:{number % 60:02d}:00Z",
        "model": "m-1",
        "system": "You answer briefly and plainly.",
        "prompt": f"{number} " + " ".join(rng.choices(WORDS, k=60)),
    }


def chat_row(rng: random.Random, number: int) -> dict[str, object]:
    """Return a chat completion request of about 600 bytes."""
    row = plain_row(rng, number)
    return {
        "model": row["model"],
        "user": row["account_id"],
        "created": 1_772_352_000 + number,
        "messages": [
            {"role": "system", "content": row["system"]},
            {"role": "user", "content": row["prompt"]},
        ],
    }


def write_log(path: Path, rows: int, make: Callable[[random.Random, int], object]) -> None:
    """Write `rows` rows, the same for every run."""
    rng = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            file.write(json.dumps(make(rng, number)) + "\n")


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command and return its seconds and its peak resident memory in GB."""
    start = time.perf_counter()
    pid = os.posix_spawn(command[0], command, dict(os.environ))
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise subprocess.CalledProcessError(status, command)
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e9


def main() -> None:
    """Write the log, run both, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--kind", choices=("plain", "chat"), default="plain")
    options = parser.parse_args()
    with TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        log = Path(folder) / "log.jsonl"
        write_log(log, options.rows, plain_row if options.kind == "plain" else chat_row)
        size = log.stat().st_size / 1e9
        sys.stdout.write(f"{options.rows:,} {options.kind} rows, {size:.2f} GB\n")
        capscope = str(Path(sys.executable).parent / "capscope")
        ours = [capscope, "convert", str(log), "-o", str(Path(folder) / "ours.parquet")]
        theirs = [sys.executable, "-c", PANDAS, str(log), str(Path(folder) / "theirs.parquet")]
        seconds = {}
        for name, command in (("capscope convert", ours), ("pandas read_json", theirs)):
            seconds[name], peak = measure(command)
            rate = options.rows / seconds[name]
            sys.stdout.write(f"{name}: {rate:,.0f} rows/s, {seconds[name]:.0f} s, {peak:.2f} GB\n")
        ratio = seconds["pandas read_json"] / seconds["capscope convert"]
        sys.stdout.write(f"ratio: {ratio:.2f} times as fast as pandas\n")


if __name__ == "__main__":
    main()
