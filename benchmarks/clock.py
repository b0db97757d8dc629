"""Fit the simulator's clock to the pool's traces: what data/simulation/clock.py holds.

A Mooncake row names its prompt's blocks by hash, so a row whose blocks begin with those of an
earlier row continues that conversation: the time between them is one turn's pause. Azure's traces
have no such names; their rate and burstiness are printed for comparison.
"""

import argparse
import gzip
import json
import sys
from collections import defaultdict
from pathlib import Path

import duckdb
import numpy as np

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--pool", type=Path, required=True)
traces = parser.parse_args().pool / "traces"

with gzip.open(traces / "mooncake_conversation_trace.jsonl.gz", "rt") as file:
    rows = [json.loads(line) for line in file]
owner: dict[int, int] = {}
conversation = list(range(len(rows)))
pauses: dict[int, list[float]] = defaultdict(list)
for number, row in enumerate(rows):
    blocks = row["hash_ids"][1:]
    before = next((owner[block] for block in reversed(blocks) if block in owner), None)
    if before is not None and row["input_length"] > rows[before]["input_length"]:
        conversation[number] = conversation[before]
        pause = (row["timestamp"] - rows[before]["timestamp"]) / 1000
        if pause > 0:
            pauses[conversation[number]].append(pause)
    owner.update(dict.fromkeys(blocks, number))

logs = [np.log(found) for found in pauses.values()]
every = np.concatenate(logs)
several = [found for found in logs if len(found) > 1]
within = np.sum([((f - f.mean()) ** 2).sum() for f in several]) / sum(len(f) - 1 for f in several)
between = max(0.0, every.var() - within)
lines = [
    f"mooncake: {len(every)} pauses of {len(logs)} conversations",
    f"  quantiles 5/50/95 %: {np.quantile(np.exp(every), [0.05, 0.5, 0.95]).round(1)} s",
    f"  log of seconds: mean {every.mean():.2f}",
    f"  sd within conversations {within**0.5:.2f}, between {between**0.5:.2f}",
]
for name in ("code", "conv"):
    gaps = duckdb.execute(
        f"SELECT epoch(TIMESTAMP) - lag(epoch(TIMESTAMP)) OVER (ORDER BY TIMESTAMP) AS gap "
        f"FROM read_csv('{traces}/AzureLLMInferenceTrace_{name}.csv.gz')"
    ).fetchall()
    seconds = np.array([gap for (gap,) in gaps[1:]])
    rate, burstiness = 1 / seconds.mean(), seconds.std() / seconds.mean()
    lines.append(f"azure {name}: {rate:.1f} requests/s, coefficient of variation {burstiness:.1f}")
sys.stdout.write("\n".join(lines) + "\n")
