"""A file of a folder, held open and checked before its first use."""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import weakref
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from .errors import FolderError
from .manifest import Entry

BLOCK = 1 << 20


def npy_bytes(array: NDArray[Any]) -> bytes:
    """Return an array as the content of a `.npy` file, without pickle."""
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=False)
    return sink.getvalue()


class Stored:
    """A file that can be read even after a writer removed its name.

    Opening costs nothing but a descriptor; nothing is served before all of it was checked.
    """

    def __init__(self, folder: Path, entry: Entry) -> None:
        """Open the file.

        Raises:
            FolderError: it is not there, or is not of the size that the manifest names.
        """
        self.path, self.entry = folder / entry.file, entry
        try:
            if Path(entry.file).name != entry.file or not self.path.is_file():
                raise FileNotFoundError(entry.file)
            self._open = os.open(self.path, os.O_RDONLY)
        except FileNotFoundError:
            raise FolderError(
                f"{folder} lacks its file {entry.file}",
                "every file that the manifest names",
                "Get the folder again from where it was made.",
            ) from None
        weakref.finalize(self, os.close, self._open)
        if (size := os.fstat(self._open).st_size) != entry.bytes:
            self._changed(f"{size:,} bytes", f"{entry.bytes:,} bytes")

    @cached_property
    def descriptor(self) -> int:
        """The open file's number, given out once its sha-256 was found right.

        Raises:
            FolderError: the file was changed.
        """
        digest = hashlib.sha256()
        for start in range(0, self.entry.bytes, BLOCK):
            digest.update(os.pread(self._open, BLOCK, start))
        if (found := digest.hexdigest()) != self.entry.sha256:
            self._changed(f"sha-256 {found[:12]}…", f"sha-256 {self.entry.sha256[:12]}…")
        return self._open

    @cached_property
    def data(self) -> mmap.mmap:
        """The file's bytes, mapped."""
        return mmap.mmap(self.descriptor, 0, access=mmap.ACCESS_READ)

    def release(self) -> None:
        """Let go of the mapped pages, resident until then; they come back when they are read."""
        self.data.madvise(mmap.MADV_DONTNEED)

    @cached_property
    def array(self) -> NDArray[Any]:
        """The array of an .npy file, mapped; its numbers are the last `nbytes` of the file."""
        header = io.BytesIO(self.data[:4096])
        np.lib.format.read_magic(header)
        shape, _, dtype = np.lib.format.read_array_header_1_0(header)
        if dtype.hasobject:
            self._changed("objects", "numbers")
        return np.ndarray(shape, dtype, self.data, header.tell())

    def _changed(self, found: str, expected: str) -> NoReturn:
        raise FolderError(
            f"{self.path} was changed ({found})",
            expected,
            "Get the folder again from where it was made.",
        )
