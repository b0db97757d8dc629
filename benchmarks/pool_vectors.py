"""Vectors of distinct prompts of the pool, kept in `out/` so that each is embedded once."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from capscope.data.pool import load_pool
from capscope.embed import SentenceEncoder, embed

KEPT = Path("out/pool-vectors.npz")
MOST = 20_000


def pool_prompts(pool: Path, most: int = MOST, seed: int = 0) -> list[str]:
    """Draw distinct prompts from all sources together."""
    texts = dict.fromkeys(prompt for source in load_pool(pool) for prompt in source.prompts)
    order = np.random.default_rng(seed).permutation(len(texts))[:most]
    every = list(texts)
    return [every[number] for number in order]


def pool_vectors(pool: Path) -> NDArray[np.float32]:
    """Return unit vectors of `pool_prompts` (MOST, dimension) float32."""
    prompts = pool_prompts(pool)
    encoder = SentenceEncoder()
    if KEPT.is_file():
        with np.load(KEPT, allow_pickle=False) as kept:
            if kept["encoder"] == encoder.fingerprint and len(kept["rows"]) == len(prompts):
                return np.asarray(kept["rows"])
    rows = embed(pa.chunked_array([pa.array(prompts)]), encoder).rows
    KEPT.parent.mkdir(exist_ok=True)
    np.savez(KEPT, rows=rows, encoder=np.str_(encoder.fingerprint))
    return rows
