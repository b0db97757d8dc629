"""A FAISS index of distinct prompts with the rows of traffic that sent them, on disk."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ..data import FolderError, InputError, Traffic, check_folder, commit, is_folder_of, open_folder
from ..embed import Encoder, embed
from ..embed.runtime import faiss

KIND = "capscope index"
LAYOUT = 1
"""Raise it when what the files hold changes; `open_index` refuses other numbers by name."""


@dataclass(frozen=True, slots=True)
class PromptIndex:
    """An index in memory.

    Attributes:
        encoder: fingerprint of the encoder that made the vectors.
        search: a FAISS inner-product index; vector i is of prompt i.
        prompts: the distinct prompts (distinct,).
        rows: one row per logged prompt: `row_id`, `prompt` (its number in `prompts`) and the
            columns of traffic.
    """

    encoder: str
    search: Any
    prompts: pa.ChunkedArray
    rows: pa.Table

    @property
    def vectors(self) -> NDArray[np.float32]:
        """All vectors (distinct, dimension) float32."""
        return np.asarray(self.search.reconstruct_n(0, self.search.ntotal), dtype=np.float32)

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise `InputError` unless `encoder` made this index's vectors."""
        if encoder.fingerprint != self.encoder:
            raise InputError(
                f"the index was made with the encoder {self.encoder}",
                f"the encoder in use, {encoder.fingerprint}",
                "Name the weights that made the index with --weights, or make a new index.",
            )


@dataclass(frozen=True, slots=True)
class Added:
    """What adding traffic to an index changed."""

    added: int
    known: int
    total: int


def open_index(folder: Path) -> PromptIndex:
    """Load an index, every file checked against the manifest.

    Raises:
        FolderError: it is not there, damaged, or of another layout.
    """
    opened = open_folder(folder, KIND, LAYOUT)
    try:
        return PromptIndex(
            opened.about["encoder"],
            faiss().read_index(str(opened.files["vectors.faiss"])),
            pq.read_table(opened.files["prompts.parquet"])["prompt"],
            pq.read_table(opened.files["rows.parquet"]),
        )
    except (KeyError, RuntimeError, OSError, pa.ArrowException) as error:
        raise FolderError(
            f"{folder} cannot be read ({type(error).__name__})",
            "an index that capscope wrote",
            "Make the index again from its traffic.",
        ) from error


def add(folder: Path, traffic: Traffic, encoder: Encoder) -> Added:
    """Add traffic to the index in `folder`, made if there is none.

    Rows that the index has already are not added again, so the same input twice changes nothing.
    A kill at any moment leaves the index as it was or as it is to be.

    Raises:
        InputError: `folder` is something else, or its vectors are of another encoder.
    """
    old = _old(folder, encoder)
    fresh = _fresh(traffic, old)
    if not fresh.num_rows:
        return Added(0, len(traffic), old.rows.num_rows)
    place = pc.index_in(fresh["prompt"], value_set=old.prompts.combine_chunks())
    vectors = embed(fresh["prompt"].filter(pc.is_null(place)), encoder)
    old.search.add(vectors.rows)
    prompts = pa.chunked_array([*old.prompts.chunks, vectors.texts], type=pa.large_string())
    numbers = pc.index_in(fresh["prompt"], value_set=prompts.combine_chunks()).cast(pa.int64())
    fresh = fresh.set_column(fresh.schema.get_field_index("prompt"), "prompt", numbers)
    rows = pa.concat_tables([old.rows, fresh]) if old.rows.num_rows else fresh
    content = {
        "vectors.faiss": faiss().serialize_index(old.search).tobytes(),
        "prompts.parquet": _parquet(pa.table({"prompt": prompts})),
        "rows.parquet": _parquet(rows),
    }
    about = {"encoder": encoder.fingerprint, "prompts": rows.num_rows, "distinct": len(prompts)}
    commit(folder, KIND, LAYOUT, about, content)
    return Added(fresh.num_rows, len(traffic) - fresh.num_rows, rows.num_rows)


def _old(folder: Path, encoder: Encoder) -> PromptIndex:
    check_folder(folder.parent)
    if is_folder_of(folder, KIND):
        index = open_index(folder)
        index.check_encoder(encoder)
        return index
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} holds something else",
            "an index, an empty folder or a new name",
            "Name another folder for the index.",
        )
    empty = pa.chunked_array([pa.array([], pa.large_string())])
    search = faiss().IndexFlatIP(encoder.dimension)
    return PromptIndex(
        encoder.fingerprint, search, empty, pa.table({"row_id": pa.array([], "str")})
    )


def _fresh(traffic: Traffic, old: PromptIndex) -> pa.Table:
    """Return the rows of `traffic` that `old` lacks, each with its `row_id`."""
    query = files(__package__).joinpath("fresh.sql").read_text(encoding="utf-8")
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.execute("SET TimeZone = 'UTC'")
        db.register("traffic", traffic.table)
        db.register("known", old.rows.select(["row_id"]))
        schema = pa.schema([pa.field("row_id", pa.string()), *traffic.table.schema])
        return db.sql(query).to_arrow_table().cast(schema)


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
