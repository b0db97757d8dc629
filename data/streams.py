"""Bytes from a plain or packed file; damage ends the stream and is told, never raised."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from .errors import InputError
from .inputs import Packing

CHUNK = 1 << 20


class Stream:
    """The bytes of one file in blocks; after the last, `damage` says what cut them short."""

    def __init__(self, path: Path, packing: Packing | None) -> None:
        """Keep what to read; nothing is opened yet."""
        self.path, self.packing = path, packing
        self.damage: str | None = None

    def blocks(self) -> Iterator[bytes]:
        """Yield everything that can be read.

        Raises:
            InputError: the file cannot be opened at all.
        """
        try:
            if self.packing == "gzip":
                yield from self._gunzip()
            else:
                yield from self._read()
        except PermissionError as error:
            raise InputError(
                f"{self.path} may not be read", "a readable file", "Check its permissions."
            ) from error
        except (OSError, zlib.error) as error:
            self.damage = f"damaged {self.packing or 'file'} ({str(error).split(' (')[0]})"

    def _read(self) -> Iterator[bytes]:
        with pa.input_stream(str(self.path), compression=self.packing) as file:
            while block := file.read(CHUNK if self.packing is None else CHUNK // 16):
                yield block

    def _gunzip(self) -> Iterator[bytes]:
        """Unpack gzip member by member; `pyarrow` would drop what stands before a cut."""
        unpack, inside = zlib.decompressobj(wbits=31), False
        with self.path.open("rb") as file:
            while packed := file.read(CHUNK // 4):
                while packed:
                    yield unpack.decompress(packed, CHUNK)
                    inside = not unpack.eof
                    packed = unpack.unconsumed_tail
                    if unpack.eof:
                        packed = unpack.unused_data.lstrip(b"\0")
                        unpack = zlib.decompressobj(wbits=31)
        if inside:
            self.damage = "truncated gzip"
