"""Names for clusters: the words that each has and the others have not."""

from __future__ import annotations

from importlib.resources import files

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

WORDS = 3
CHARS = 2000
"""What a prompt says later does not name its cluster."""
WORDLESS = "(no words)"


def name_clusters(prompts: pa.ChunkedArray, labels: NDArray[np.int64], clusters: int) -> list[str]:
    """Name each cluster by its heaviest words under class-based TF-IDF (Grootendorst 2022).

    Counting is DuckDB's, so memory grows with the different words of a cluster, not with the
    whole vocabulary times the clusters, and spills to disk. Names hold letters, commas and
    spaces, whatever the prompts hold.

    Args:
        prompts: (n,) large_string.
        labels: the cluster of each, -1 for none (n,).
        clusters: how many there are.
    """
    inside = pa.array(labels >= 0)
    told = pa.table({"cluster": pa.array(labels), "prompt": prompts}).filter(inside)
    stop_words = pa.table({"word": pa.array(sorted(ENGLISH_STOP_WORDS))})
    query = files(__package__).joinpath("names.sql").read_text(encoding="utf-8")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.register("told", told)
        db.register("stop_words", stop_words)
        values = {"chars": CHARS, "clusters": clusters, "words": WORDS}
        names = dict(db.execute(query, values).fetchall())
    return [names.get(label, WORDLESS) for label in range(clusters)]
