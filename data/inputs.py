"""From what the user names (files, folders, globs, `-`) to a list of files to read."""

from __future__ import annotations

import glob
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from .errors import InputError

Container = Literal["jsonl", "csv", "parquet"]
Packing = Literal["gzip", "zstd"]

CONTAINERS: dict[str, Container] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
PACKINGS: dict[str, Packing] = {".gz": "gzip", ".zst": "zstd"}
MAGIC: dict[bytes, Packing] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
READABLE = ".jsonl, .ndjson, .json, .csv (each also .gz or .zst) or .parquet"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to read: where it lies, what to call it in messages, how it is packed.

    `container` is None where the name does not tell; the first bytes then do.
    """

    path: Path
    name: str
    container: Container | None
    packing: Packing | None


def input_file(path: Path, name: str) -> InputFile:
    """Describe one file by its ending, and by its first bytes for the packing."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    with path.open("rb") as file:
        head = file.read(4)
    packing = next((pack for magic, pack in MAGIC.items() if head.startswith(magic)), None)
    if packing is None and suffixes and suffixes[-1] in PACKINGS:
        packing = PACKINGS[suffixes[-1]]
    if suffixes and suffixes[-1] in PACKINGS:
        suffixes.pop()
    container = CONTAINERS.get(suffixes[-1]) if suffixes else None
    return InputFile(path, name, "parquet" if head == b"PAR1" else container, packing)


@contextmanager
def input_files(inputs: Sequence[str]) -> Iterator[list[InputFile]]:
    """Yield the files that `inputs` name, each once, folders and globs in name order.

    `-` is standard input, kept in a temporary file while the block runs.

    Raises:
        InputError: a name matches nothing, or a folder holds no readable file.
    """
    files: dict[Path, InputFile] = {}
    with TemporaryDirectory(prefix="capscope-") as folder:
        for name in inputs:
            if name == "-":
                spool = Path(folder) / "stdin"
                with spool.open("wb") as file:
                    shutil.copyfileobj(sys.stdin.buffer, file)
                files[spool] = input_file(spool, "standard input")
                continue
            for path in _matches(name):
                files.setdefault(path.resolve(), input_file(path, str(path)))
        yield list(files.values())


def describe_inputs(inputs: Sequence[str]) -> list[tuple[str, int, int]]:
    """Return the name, the bytes and the time of change in nanoseconds of every file to read.

    Standard input, which has none of these, is left out.

    Raises:
        InputError: as `input_files`.
    """
    paths = dict.fromkeys(path for name in inputs if name != "-" for path in _matches(name))
    found = [(str(path), path.stat()) for path in paths]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]


def _matches(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.is_file() and _has_readable_name(p))
        if not found:
            raise InputError(
                f"the folder {name} holds no traffic",
                f"files ending in {READABLE}",
                "Name another folder, or the files themselves.",
            )
        return found
    if path.is_file():
        return [path]
    found = sorted(p for p in map(Path, glob.glob(name, recursive=True)) if p.is_file())
    if not found:
        raise InputError(
            f"{name} does not exist",
            f"a file, folder or glob of files ending in {READABLE}, or - for standard input",
            "Check the spelling and the folder you are in.",
        )
    return found


def _has_readable_name(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in PACKINGS:
        suffixes.pop()
    return bool(suffixes) and suffixes[-1] in CONTAINERS
