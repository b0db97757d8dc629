"""`campaigns --index` at three sizes: time, memory and growth from opened index to records.

Traffic is made up as in `campaigns.py`; the vectors in its index are noisy copies of those of the
shipped exemplars, so that judging reads an index of full size. Each step runs in a process of its
own, whose peak of memory is told.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa
from campaigns import made_up, peak, say
from given_vectors import near
from numpy.typing import NDArray

from capscope.classify.campaigns import campaign_files
from capscope.data import SCHEMA, Skipped, Traffic
from capscope.embed import SentenceEncoder
from capscope.index import AreaMap, add

ROWS = 1_000_000 / 24_000
"""Prompts an account."""
PLANTED = 24
"""Of so many accounts, one fills templates."""


class Noisy:
    """Vectors near those of the shipped exemplars, under the real encoder's name."""

    def __init__(self) -> None:
        """Embed the exemplars."""
        real = SentenceEncoder()
        self.fingerprint, self.dimension = real.fingerprint, real.dimension
        self._base = AreaMap.embedded(real).exemplars
        self._rng = np.random.default_rng(3)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a vector for each text, whatever it says."""
        return near(self._rng.permutation(self._base), len(texts), self._rng)


def build(folder: Path, accounts: int) -> dict[str, float]:
    """Make an index of made-up traffic."""
    begin = time.perf_counter()
    rows = round(accounts * ROWS)
    rng = np.random.default_rng(2)
    table, _, prompt, texts = made_up(accounts, rows, rng, planted=accounts // PLANTED)
    given = {
        **{name: table[name].combine_chunks() for name in table.column_names},
        "prompt": texts.take(pa.array(prompt)),
        "session_id": table["account_id"].combine_chunks(),
        "prompt_chars": pa.array(np.full(rows, 100)),
        "request_id": pa.array(np.arange(rows)).cast(pa.string()),
    }
    arrays = [
        given[field.name].cast(field.type) if field.name in given else pa.nulls(rows, field.type)
        for field in SCHEMA
    ]
    add(folder, Traffic(pa.table(arrays, schema=SCHEMA), Skipped()), Noisy())
    return {"rows": rows, "distinct": len(texts), "seconds": time.perf_counter() - begin}


def find(folder: Path) -> dict[str, float]:
    """Find the campaigns of an index, and time all of it."""
    begin = time.perf_counter()
    found, _ = campaign_files([], folder / "found.jsonl", index=folder)
    seconds = time.perf_counter() - begin
    largest = max((len(one.members) for one in found), default=0)
    return {"seconds": seconds, "peak": peak(), "groups": len(found), "largest": largest}


def apart(*arguments: str) -> dict[str, float]:
    """Run a step in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, capture_output=True, text=True
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Print every figure as a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="*", default=[2_400, 8_000, 24_000])
    parser.add_argument("--build", nargs=2)
    parser.add_argument("--find", type=Path)
    options = parser.parse_args()
    if options.build:
        return say(json.dumps(build(Path(options.build[0]), int(options.build[1]))))
    if options.find:
        return say(json.dumps(find(options.find)))
    versions = " ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "networkx", "faiss-cpu"))
    say(f"{platform.platform()}, Python {platform.python_version()}, {versions}")
    measured = []
    for accounts in options.accounts:
        with tempfile.TemporaryDirectory() as temporary:
            folder = str(Path(temporary) / "index")
            made = apart("--build", folder, str(accounts))
            told = apart("--find", folder)
        measured.append((made["rows"], told["seconds"]))
        say(
            f"{accounts:,} accounts, {made['rows']:,} rows ({made['distinct']:,} distinct, indexed "
            f"in {made['seconds']:.0f} s): {told['seconds']:.0f} s, peak {told['peak']:.2f} GB, "
            f"{told['groups']} groups, the largest {told['largest']:,} of {accounts // PLANTED:,} "
            "planted"
        )
    if len(measured) > 1:
        rows, seconds = np.log(np.array(measured)).T
        say(f"time grows with the rows to the power of {np.polyfit(rows, seconds, 1)[0]:.2f}")
    return None


if __name__ == "__main__":
    main()
