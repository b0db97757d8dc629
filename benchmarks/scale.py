"""Time, memory and growth of `capscope label` over made-up traffic of 60 tokens a prompt.

Each size is labelled by a process of its own. `--hashed` takes the encoder's work out: vectors are
drawn from a hash of the text, so what is left is reading, measuring and writing.

    python benchmarks/scale.py --sizes 10000 100000 1000000
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

SYLLABLES = "ba co di fe gu ha jo ki lu me no pa qui ro sa te vu wa xe zo".split()
WORDS = 20_000
STARTS = datetime(2026, 3, 1, tzinfo=UTC)
OPENINGS = ("How do I", "What is", "Write a", "Explain", "Why does", "Can you", "Please", "Fix")
ASKED = "Answer step by step and then grade your own answer from 1 to 5: {} Compare it with {}."
SERVED = "You are the help desk. Sort this message into one of six queues. Message: {}"
KINDS = ("chat", "chat", "chat", "application", "sweep")
REPEATED = 0.1
"""Share of a conversation's prompts that stand in other sessions too."""
TURNS = 12
"""Prompts of a session, on average."""
OPEN = 500
"""Sessions that are under way at once, so that their rows lie far apart in the log."""
PLANNED = (16_000_000, 1_000_000_000)
BATCH = 4096
"""Hashed vectors to draw from."""


def words(rng: random.Random) -> list[str]:
    """Return a vocabulary of made-up words."""
    return ["".join(rng.choices(SYLLABLES, k=rng.choice((1, 2, 2, 3)))) for _ in range(WORDS)]


def session(rng: random.Random, number: int, vocabulary: list[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of one session."""
    kind = rng.choice(KINDS)
    time_of = STARTS + timedelta(seconds=rng.randrange(20 * 86_400))

    def text(count: int) -> str:
        low = rng.choices(vocabulary[:300], k=count // 2)
        return " ".join(low + rng.choices(vocabulary, k=count - count // 2))

    for turn in range(1 + int(rng.expovariate(1 / (TURNS - 1)))):
        if kind == "application":
            prompt = SERVED.format(text(rng.randint(8, 30)))
        elif kind == "sweep":
            prompt = ASKED.format(text(rng.randint(4, 12)), text(rng.randint(4, 12)))
        elif rng.random() < REPEATED:
            prompt = f"{rng.choice(OPENINGS)} {vocabulary[rng.randrange(2000)]}?"
        else:
            prompt = f"{rng.choice(OPENINGS)} {text(int(rng.expovariate(1 / 30)) + 3)}?"
        yield {
            "session_id": f"s-{number}",
            "account_id": f"a-{number // 3}",
            "timestamp": (time_of + timedelta(seconds=40 * turn)).isoformat(),
            "model": "m-1",
            "prompt": prompt,
        }


def write_log(path: Path, rows: int) -> None:
    """Write a log in which sessions lie mixed, the same for every run."""
    rng = random.Random(0)
    vocabulary = words(rng)
    under_way = [session(rng, number, vocabulary) for number in range(OPEN)]
    started, written = OPEN, 0
    with path.open("w", encoding="utf-8") as file:
        while written < rows:
            place = rng.randrange(OPEN)
            row = next(under_way[place], None)
            if row is None:
                under_way[place] = session(rng, started, vocabulary)
                started += 1
                continue
            file.write(json.dumps(row) + "\n")
            written += 1


def hash_vectors() -> None:
    """Make the encoder draw a text's vector from a hash of it."""
    from capscope.embed import SentenceEncoder

    drawn = np.random.default_rng(0).normal(size=(BATCH, 384)).astype(np.float32)

    def encode(_: SentenceEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
        hashes = np.array([zlib.crc32(text.encode()) for text in texts], np.int64)
        vectors = drawn[hashes % BATCH] + drawn[hashes // BATCH % BATCH]
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    setattr(SentenceEncoder, "encode", encode)  # noqa: B010


@dataclass(frozen=True)
class Measured:
    """What one run took.

    Attributes:
        rows: exchanges.
        seconds: of the clock.
        processor: seconds of the processors, which other work on the machine does not lengthen.
        memory: the most that was resident, in GB.
        disk: the most that lay beside the log, in GB.
        records: of the output, in GB.
    """

    rows: int
    seconds: float
    processor: float
    memory: float
    disk: float
    records: float


def measure(command: list[str], rows: int, output: Path) -> Measured:
    """Run a command that writes `output`, and look at it meanwhile."""
    start, disk = time.perf_counter(), 0
    pid = os.posix_spawn(command[0], command, dict(os.environ))
    while not (ended := os.wait4(pid, os.WNOHANG))[0]:
        disk = max(disk, size_of(output.parent))
        time.sleep(0.2)
    if ended[1]:
        raise subprocess.CalledProcessError(ended[1], command)
    seconds = time.perf_counter() - start
    records = output.stat().st_size
    used = ended[2]
    return Measured(
        rows,
        seconds,
        used.ru_utime + used.ru_stime,
        used.ru_maxrss * 1024 / 1e9,
        disk / 1e9,
        records / 1e9,
    )


def size_of(folder: Path) -> int:
    """Return the bytes on disk of all that lies in a folder at this moment."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(root, name)).st_blocks * 512
    return total


def plan(one: Measured, rows: int) -> str:
    """Say what more exchanges would take at the rate of `one`, all else growing with their number.

    Time falls with the number of cores while shards are what it is spent on.
    """
    times = rows / one.rows
    hours = one.processor * times / 3600
    return (
        f"{rows:,} exchanges: {hours:,.0f} core hours, or {hours / 64:,.1f} hours of 64 cores; "
        f"{one.disk * times:,.0f} GB of disk, {one.records * times:,.0f} GB of records\n"
    )


def main() -> None:
    """Label logs of several sizes and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--hashed", action="store_true", help="leave the encoder's work out")
    parser.add_argument("--one", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        from capscope.cli import app

        if options.hashed:
            hash_vectors()
        sys.argv = ["capscope", *options.one]
        app()
    sys.stdout.write(
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, "
        f"{'hashed vectors' if options.hashed else 'real encoder'}\n"
    )
    before: Measured | None = None
    with (
        TemporaryDirectory(dir=os.environ.get("TMPDIR")) as logs,
        TemporaryDirectory(dir=os.environ.get("TMPDIR")) as outputs,
    ):
        log, out = Path(logs) / "log.jsonl", Path(outputs) / "out.jsonl"
        for rows in options.sizes:
            write_log(log, rows)
            command = [sys.executable, __file__, *(["--hashed"] if options.hashed else [])]
            one = measure([*command, "--one", "label", str(log), "-o", str(out)], rows, out)
            grown = "" if before is None else f", n^{exponent(before, one):.2f}"
            sys.stdout.write(
                f"{rows:,} exchanges, {log.stat().st_size / 1e9:.2f} GB: {one.seconds:,.0f} s, "
                f"{one.processor:,.0f} s of processors, {one.memory:.2f} GB of memory, "
                f"{one.disk:.2f} GB of disk{grown}\n"
            )
            sys.stdout.flush()
            before = one
    for rows in PLANNED:
        sys.stdout.write(plan(one, rows))


def exponent(one: Measured, other: Measured) -> float:
    """Return x where the processors' time grows as n^x between two runs."""
    return math.log(other.processor / one.processor) / math.log(other.rows / one.rows)


if __name__ == "__main__":
    main()
