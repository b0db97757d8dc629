"""Lines of a stream as Arrow strings, without one Python object per line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .skipped import Skipped
from .streams import Stream

BLOCK = 32 << 20
LONGEST = 64 << 20
BOM = b"\xef\xbb\xbf"

DOCUMENTS = pa.schema([("line", pa.int64()), ("doc", pa.large_string())])
"""What every container is turned into: one JSON document per row, with its line in the file."""


def json_lines(stream: Stream, name: str, skipped: Skipped) -> Iterator[pa.RecordBatch]:
    """Yield the lines of `stream` as `DOCUMENTS`; lines that are not UTF-8 are skipped.

    A line of more than 64 MiB is skipped too. A damaged stream yields all whole lines before
    the damage.
    """
    first = 1
    for block in whole_lines(stream):
        lines = _split(block.removeprefix(BOM) if first == 1 else block)
        numbers = pa.array(np.arange(first, first + len(lines)))
        first += len(lines)
        for row in np.flatnonzero(np.asarray(pc.binary_length(lines)) > LONGEST).tolist():
            skipped.add(f"line longer than {LONGEST >> 20} MiB", name, numbers[row].as_py())
        short = pc.less_equal(pc.binary_length(lines), LONGEST)
        lines, numbers = lines.filter(short), numbers.filter(short)
        keep, bad = utf8_rows(lines)
        for row in bad:
            skipped.add("invalid UTF-8", name, numbers[row].as_py())
        yield pa.record_batch([numbers.take(keep), _text(lines.take(keep))], schema=DOCUMENTS)
    if stream.damage:
        skipped.add(f"{stream.damage}: what followed is lost", name, first)


def whole_lines(stream: Stream) -> Iterator[bytes]:
    """Yield blocks of about 32 MiB that end where a line ends.

    A last line without a newline is yielded, unless damage cut it. Of a line longer than
    `LONGEST` only the beginning is kept, so that no line can fill the memory.
    """
    held: list[bytes] = []
    size = 0
    for block in stream.blocks():
        end = block.rfind(b"\n") + 1 if size + len(block) >= BLOCK else 0
        if size > LONGEST and not end:
            continue
        if end:
            yield b"".join([*held, block[:end]])
            held, size = [], 0
        held.append(block[end:])
        size += len(block) - end
    rest = b"".join(held)
    if stream.damage:
        rest = rest[: rest.rfind(b"\n") + 1]
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"


def _split(block: bytes) -> pa.LargeBinaryArray:
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    offsets = np.concatenate([[0], ends]).astype(np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(ends), buffers)


def utf8_rows(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """Tell which rows of a binary column are UTF-8: the indices of those, and of the others."""
    try:
        _text(column)
    except pa.ArrowInvalid:
        bad = [row for row, value in enumerate(column) if not _is_utf8(value)]
        return pa.array(np.setdiff1d(np.arange(len(column)), bad)), bad
    return pa.array(np.arange(len(column))), []


def _text(column: pa.Array) -> pa.Array:
    return column.cast(pa.large_string())


def _is_utf8(value: pa.Scalar) -> bool:
    raw = value.as_py()
    if raw is None:
        return True
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
