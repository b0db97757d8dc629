"""The map of the prompts as a picture, coloured by cluster, and its data."""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..data import InputError, check_output, replacing, write_records
from .areas import AreaMap
from .clusters import Clusters
from .store import PromptIndex

PICTURES, TABLES = (".svg", ".png"), (".parquet", ".jsonl")
NAMED = 40
"""The largest clusters have their names written."""
BLOCK = 65536


def write_map(
    index: PromptIndex,
    positions: NDArray[np.float32],
    found: Clusters,
    names: list[str],
    areas: AreaMap,
    output: Path,
    data: Path | None = None,
) -> None:
    """Write the map as a picture and, if `data` is given, as a table.

    The table has a row for each distinct prompt, in the index's order: `x y cluster area`.
    `positions` (distinct, 2) are theirs.
    """
    if data is not None:
        placed = areas.place(index.vectors)
        area = pa.DictionaryArray.from_arrays(pa.array(placed.area), pa.array(areas.areas))
        columns = [positions[:, 0], positions[:, 1], found.labels]
        table = pa.table(
            [*(pa.array(column) for column in columns), area.cast(pa.string())],
            names=["x", "y", "cluster", "area"],
        )
        _write_table(table, data)
    with replacing(output) as temporary:
        draw(positions, found.labels, names, temporary, output.suffix.lower()[1:])


def check_map_outputs(output: Path, data: Path | None) -> None:
    """Refuse outputs that could not be written, and a missing matplotlib, before any work.

    Raises:
        InputError: what was found, and what to do.
    """
    check_output(output, PICTURES)
    if data is not None:
        check_output(data, TABLES)
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise InputError(
            "matplotlib is not installed",
            "the extra `map`, which draws the picture",
            "Install it with: pip install 'capscope[map]'",
        ) from error


def draw(
    positions: NDArray[np.float32],
    labels: NDArray[np.int64],
    names: list[str],
    path: Path,
    form: str,
) -> None:
    """Draw points (n, 2), noise in grey, and the names of the largest clusters as plain text."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    plain = matplotlib.rc_context({"svg.hashsalt": "capscope", "svg.fonttype": "none"})
    with plain, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(12, 9), dpi=150)
        FigureCanvasAgg(figure)
        axes = figure.add_axes((0.03, 0.03, 0.94, 0.94))
        axes.set_axis_off()
        noise = labels < 0
        # The scheme's own greys would pass for noise.
        scheme = np.delete(matplotlib.colormaps["tab20"](np.arange(20)), [14, 15], axis=0)
        for shown, colour in ((noise, "#bbbbbb"), (~noise, scheme[labels[~noise] % len(scheme)])):
            x, y = positions[shown, 0], positions[shown, 1]
            axes.scatter(x, y, s=4, c=colour, linewidths=0, rasterized=True)
        largest = np.argsort(-np.bincount(labels[~noise], minlength=len(names)), kind="stable")
        for label in largest[:NAMED]:
            x, y = np.median(positions[labels == label], axis=0)
            axes.text(x, y, names[label], fontsize=7, ha="center", parse_math=False, usetex=False)
        metadata = {"Date": None} if form == "svg" else {}
        figure.savefig(path, format=form, metadata=metadata)


def _write_table(table: pa.Table, path: Path) -> None:
    if path.suffix.lower() == ".jsonl":
        write_records((row for batch in table.to_batches(BLOCK) for row in batch.to_pylist()), path)
        return
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
