"""Writers to an index, killed at random moments while they add."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from given_vectors import Given, traffic

from capscope.index import add, nearest, open_index

BATCH = 200


def adding(folder: Path, vectors: Path, start: int) -> None:
    """Add small batches for ever, saying on a line of its own each that was committed."""
    encoder = Given(np.load(vectors))
    while True:
        add(folder, traffic(start, BATCH), encoder)
        start += BATCH
        sys.stdout.write(f"{start}\n")
        sys.stdout.flush()


def killed(folder: Path, vectors: Path, kills: int, rng: random.Random) -> int:
    """Kill an adding process at random moments; return how many prompts survived.

    Each time the index must hold all that was said to be committed, or that and the batch that
    was being added, and find each prompt by its own vector.
    """
    encoder = Given(np.load(vectors))
    start = 0
    for _ in range(kills):
        command = [sys.executable, __file__, str(folder), str(vectors), str(start)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        told = int(child.stdout.readline())
        time.sleep(rng.uniform(0.0, 0.4))
        child.send_signal(signal.SIGKILL)
        told = max([told, *map(int, child.stdout.read().split())])
        child.wait()
        child.stdout.close()
        index = open_index(folder)
        if len(index) not in (told, told + BATCH):
            raise SystemExit(f"{told} prompts were committed, {len(index)} are there")
        start = len(index)
        for number in {0, start // 2, start - BATCH, start - 1}:
            (similarity, *_), (found, *_) = nearest(index, encoder.vectors[number], 1)
            if found != number or similarity < 0.9999 or index.text(number) != _prompt(number):
                raise SystemExit(f"prompt {number} was not found again")
    return start


def _prompt(number: int) -> str:
    """Return the prompt that names a vector."""
    return str(traffic(number, 1).table["prompt"][0].as_py())


if __name__ == "__main__":
    adding(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
