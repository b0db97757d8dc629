"""`capscope` with vectors by hash, for tests that run it as a process of its own.

`python slow_label.py PAUSE SIZE ARGS...`: each shard of SIZE prompts takes PAUSE seconds longer.
"""

import sys
import time
from collections.abc import Sequence
from functools import partial
from importlib import import_module

import numpy as np
from hashed import hashed_rows
from numpy.typing import NDArray

from capscope.cli import app
from capscope.embed import SentenceEncoder


def encode(self: SentenceEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    return hashed_rows(texts, self.dimension)


if __name__ == "__main__":
    pause, size = float(sys.argv[1]), int(sys.argv[2])
    SentenceEncoder.encode = encode
    files = import_module("capscope.classify.files")
    files.label_files = partial(files.label_files, size=size)
    import_module("capscope.classify").label_files = files.label_files
    shard = import_module("capscope.classify.shard")
    write = shard.write_part

    def write_slowly(*args: object) -> object:
        path = write(*args)
        time.sleep(pause)
        return path

    shard.write_part = write_slowly
    sys.argv = ["capscope", *sys.argv[3:]]
    app()
