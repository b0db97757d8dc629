"""A run of `label` on disk: its shards, and the parts of the output that are done.

It lies in a hidden folder beside the output. The manifest is written when all shards are; it says
what the run is of, so that only the same run goes on with it. A part's name holds its sha-256, so
what was written is known to be whole by itself, whoever wrote it and however often.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..data import (
    By,
    InputError,
    ReadOptions,
    Shard,
    is_folder_of,
    json_line,
    read_manifest,
    replacing,
    write_manifest,
    write_shards,
    writing,
)
from ..data.locking import LOCK

KIND = "capscope run"
LAYOUT = 1
PART = re.compile(r"part-(\d{6,})\.([0-9a-f]{64})\.jsonl")


@dataclass(frozen=True, slots=True)
class Run:
    """Shards, and what is done of them.

    Attributes:
        folder: where all of it lies.
        shards: in order.
        skipped: what could not be read, in one line.
    """

    folder: Path
    shards: list[Shard]
    skipped: str

    def parts(self) -> dict[int, Path]:
        """Return the parts that are whole, by the numbers of their shards, in order."""
        return whole_parts(self.folder)


@contextmanager
def run_folder(output: Path | None) -> Iterator[Path]:
    """Yield the folder of the run that writes `output`; it is removed when the block ends.

    Where the block fails and a part is done, the folder stays, and the error gets a note on how to
    go on. A run to standard output has a temporary folder and leaves nothing.

    Raises:
        InputError: another process is at work in it.
    """
    if output is None:
        with TemporaryDirectory(prefix="capscope-") as temporary:
            yield Path(temporary)
        return
    folder = output.absolute().parent / f".{output.name}.run"
    folder.mkdir(exist_ok=True)
    with writing(folder):
        try:
            yield folder
        except BaseException as error:
            if done := len(whole_parts(folder)):
                shards = "1 shard is" if done == 1 else f"{done:,} shards are"
                error.add_note(
                    f"{shards} done and kept in {folder}; the same command with --resume goes on"
                )
            else:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder)


def start(
    folder: Path,
    inputs: Sequence[str],
    reading: ReadOptions,
    by: By,
    about: Mapping[str, Any],
    size: int,
) -> Run:
    """Write the shards of `inputs` into `folder`, in place of whatever is there."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    shards, skipped = write_shards(inputs, reading, folder, by, size)
    told = {
        "run": about,
        "skipped": skipped.describe(),
        "prompts": [shard.prompts for shard in shards],
    }
    entries = {str(shard.number): shard.entry for shard in shards}
    write_manifest(folder, KIND, LAYOUT, told, entries)
    return Run(folder, shards, skipped.describe())


def is_left(folder: Path) -> bool:
    """Tell whether an earlier run has left its shards in `folder`."""
    return is_folder_of(folder, KIND)


def go_on(folder: Path, about: Mapping[str, Any]) -> Run:
    """Return the run that an earlier process has left in `folder`.

    Raises:
        InputError: it is of other inputs, options, model, encoder or version than `about` says.
        FolderError: its manifest is of another layout, or was changed.
    """
    manifest = read_manifest(folder, (KIND, LAYOUT))
    left = manifest.about["run"]
    for name in sorted({*left, *about}):
        if left.get(name) != about.get(name):
            raise InputError(
                f"the run left in {folder} was of another {name}: {shown(left.get(name))}",
                f"the same as now: {shown(about.get(name))}",
                "Give what it was started with, or start anew, without --resume.",
            )
    shards = [
        Shard(number, folder / entry.file, entry, prompts)
        for number, (entry, prompts) in enumerate(
            zip(manifest.entries.values(), manifest.about["prompts"], strict=True)
        )
    ]
    return Run(folder, shards, manifest.about["skipped"])


def describe(
    inputs: Sequence[tuple[str, int, int]], reading: ReadOptions, **options: object
) -> dict[str, Any]:
    """Say what a run is of, as JSON can: inputs, options, and what else is given."""
    key = reading.hash_key
    return {
        "input": [list(entry) for entry in inputs],
        "format": reading.format,
        "gap": reading.gap.total_seconds(),
        "strict": reading.strict,
        "redact": reading.redact,
        "key": hashlib.blake2b(b"capscope run", key=key[:64]).hexdigest() if key else None,
        "version": version("capscope"),
        **options,
    }


def write_part(folder: Path, number: int, records: Iterator[Mapping[str, Any]]) -> Path:
    """Write the records of a shard, whole or not at all, and return the file."""
    content = "".join(map(json_line, records)).encode()
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"part-{number:06}.{digest}.jsonl"
    with replacing(path) as temporary:
        temporary.write_bytes(content)
    return path


def whole_parts(folder: Path) -> dict[int, Path]:
    """Return the parts in `folder` that are as they were written, by number, in order."""
    found = {}
    for path in sorted(folder.iterdir()):
        if match := PART.fullmatch(path.name):
            if hashlib.sha256(path.read_bytes()).hexdigest() == match[2]:
                found[int(match[1])] = path
    return found


def shown(value: object) -> str:
    """Return a value in few characters, for a message.

    >>> shown(["a" * 99])[-9:]
    'aaaaaaaa…'
    """
    text = str(value)
    return text if len(text) <= 80 else text[:79] + "…"
