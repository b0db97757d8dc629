"""Prompts per second of the encoder by tokens per batch, on the sample: `make bench-batch`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pyarrow.compute as pc

from capscope.data import read_traffic
from capscope.embed import SentenceEncoder, bert

SAMPLE = Path(__file__).parent.parent / "data" / "samples" / "traffic.jsonl"


def main() -> None:
    """Time each budget on the longest 1,000 distinct prompts, longest first."""
    texts = read_traffic([str(SAMPLE)]).table["prompt"].unique()
    order = pc.sort_indices(pc.utf8_length(texts), sort_keys=[("", "descending")])
    prompts = texts.take(order[:1000]).to_pylist()
    model = SentenceEncoder()
    model.encode(prompts[:50])
    for size in (512, 1024, 2048, 4096, 8192):
        bert.BUDGET["cpu"] = size
        start = time.perf_counter()
        model.encode(prompts)
        rate = len(prompts) / (time.perf_counter() - start)
        sys.stdout.write(f"{size:4d} tokens: {rate:6.1f} prompts/s\n")


if __name__ == "__main__":
    main()
