"""Vectors kept on disk, so that no text is embedded twice: one SQLite file.

A vector is kept under a hash of its encoder's fingerprint and its text, beside a checksum; the
texts themselves are not kept. SQLite lets several processes read and write at once, and a writer
that is killed leaves what it had committed.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data import CacheError
from .encoder import Encoder, SentenceEncoder

FILE = "vectors.sqlite"
LAYOUT = 1
"""Raise it when what a row holds changes; a file of another number is refused by name."""

CHECK = 8
"""Bytes of a row's checksum."""

AT_ONCE = 10_000
"""Rows of one SELECT; SQLite takes 32,766 parameters."""

WAIT = 60.0
"""Seconds to wait for another process to end its write."""

log = logging.getLogger(__name__)


def open_encoder(weights: Path | None = None, cache: Path | None = None) -> Encoder:
    """Return the encoder of a folder, or the installed one, with a cache if one is named.

    Raises:
        WeightsError: there are no weights, or they cannot be loaded.
        CacheError: the cache cannot be made, opened or written.
    """
    encoder = SentenceEncoder(weights)
    return CachedEncoder(encoder, cache) if cache else encoder


class CachedEncoder:
    """An encoder that looks up what it has encoded before, in this run or an earlier one."""

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        """Open the cache in `folder`, made if there is none.

        Raises:
            CacheError: it cannot be made, opened or written.
        """
        self._encoder = encoder
        self._path = folder / FILE
        self._salt = hashlib.blake2b(encoder.fingerprint.encode(), digest_size=32).digest()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(self._path, error) from error
        with self._open() as db:
            (layout,) = db.execute("PRAGMA user_version").fetchone()
            if layout not in (0, LAYOUT):
                raise CacheError(
                    f"{self._path} is a cache of layout {layout}",
                    f"layout {LAYOUT}",
                    "Name another folder with --cache.",
                )
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, row BLOB)")
            db.execute(f"PRAGMA user_version = {LAYOUT}")

    @property
    def fingerprint(self) -> str:
        """The encoder's."""
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._encoder.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text (len(texts), dimension) float32.

        Texts that the cache lacks are encoded and kept. A kept vector that fails its checksum is
        told, never used, and replaced.

        Raises:
            CacheError: the cache cannot be read or written.
        """
        keys = [self._key(text) for text in texts]
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        with self._open() as db:
            found = self._read(db, sorted(set(keys)))
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if fresh:
            vectors = self._encoder.encode(list(fresh.values()))
            made = dict(zip(fresh, map(bytes, vectors.astype("<f4")), strict=True))
            with self._open() as db:
                sealed = [(key, vector + _check(key, vector)) for key, vector in made.items()]
                db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", sealed)
            found |= made
        if texts:
            packed = b"".join([found[key] for key in keys])
            rows[:] = np.frombuffer(packed, dtype="<f4").reshape(rows.shape)
        return rows

    def _read(self, db: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
        """Return the vectors that are kept whole, by key."""
        size = 4 * self.dimension
        kept: dict[bytes, bytes] = {}
        damaged = 0
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            marks = ",".join("?" * len(some))
            for key, row in db.execute(f"SELECT * FROM vectors WHERE key IN ({marks})", some):
                whole = isinstance(row, bytes) and row[size:] == _check(key, row[:size])
                damaged += not whole
                if whole:
                    kept[key] = row[:size]
        if damaged:
            log.warning("%s: %d damaged vectors, made anew", self._path, damaged)
        return kept

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=16, key=self._salt).digest()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, committed when the block ends well."""
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT)) as db:
                db.execute("PRAGMA synchronous = NORMAL")
                with db:
                    yield db
        except sqlite3.Error as error:
            raise _unusable(self._path, error) from error


def _check(key: bytes, vector: bytes) -> bytes:
    return hashlib.blake2b(vector, digest_size=CHECK, key=key).digest()


def _unusable(path: Path, error: Exception) -> CacheError:
    return CacheError(
        f"the cache {path} cannot be used ({error})",
        "a file that capscope made and may write",
        "Name another folder with --cache, or delete this one: its vectors are made anew.",
    )
