"""Folders that hold a model or an index: a manifest with checksums, switched in one step.

Files carry a part of their checksum in their names, so a new state never overwrites an old one:
a writer adds its files, replaces `manifest.json`, then removes what no manifest names. A reader
or a kill at any moment sees the old state or the new one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .errors import FolderError
from .locking import LOCK
from .manifest import MANIFEST, Entry, read_manifest, write_manifest
from .stored import Stored
from .write import replacing

RUNNABLE = {".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".bin", ".py", ".pyc", ".so"}
"""Endings of formats that can run code when loaded. A folder that holds one is not opened."""
BUILDING = ".building-"
OURS = re.compile(rf"\.?[\w-]+\.[0-9a-f]{{12}}\.\w+(\.\w+)?|\.{re.escape(MANIFEST)}\.\w+")
"""Names that `commit` gives: of stored files, and of what a killed writer was writing."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder whose files were all found whole."""

    path: Path
    about: dict[str, Any]
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Held:
    """A folder whose files are open, and stay readable whatever a writer does."""

    path: Path
    about: dict[str, Any]
    files: dict[str, Stored]


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder inside `folder`, for files that `commit` is to take over."""
    with TemporaryDirectory(dir=folder, prefix=BUILDING) as temporary:
        yield Path(temporary)


def commit(
    folder: Path,
    kind: str,
    version: int,
    about: Mapping[str, Any],
    files: Mapping[str, bytes | Path | Stored],
) -> None:
    """Make `files` the whole content of `folder`, in one step.

    Args:
        folder: made if it does not exist; its parent must.
        kind: what the folder is, such as "capscope model".
        version: the layout's number.
        about: what else the manifest says; JSON.
        files: by logical name, such as "card.md": content, a file from `building` that is moved
            in, or a file that the folder has already.
    """
    folder.mkdir(exist_ok=True)
    entries = {name: _store(folder, name, content) for name, content in files.items()}
    _sync(folder)
    write_manifest(folder, kind, version, about, entries)
    _sync(folder)
    kept = {entry.file for entry in entries.values()}
    for path in folder.iterdir():
        if path.name.startswith(BUILDING):
            shutil.rmtree(path, ignore_errors=True)
        elif path.name not in kept and OURS.fullmatch(path.name):
            path.unlink()


def hold(folder: Path, kind: str, version: int) -> Held:
    """Open every file of `folder`, each to be checked by sha-256 before its first use.

    A writer may switch to a new state and remove the old one's files meanwhile; then the new
    state is opened.

    Raises:
        FolderError: no such folder or manifest, another kind or version, a file missing or of
            another size, or a file of a kind that can run code.
    """
    while True:
        manifest = read_manifest(folder, (kind, version))
        _refuse_runnable(folder)
        try:
            files = {name: Stored(folder, entry) for name, entry in manifest.entries.items()}
            return Held(folder, manifest.about, files)
        except FolderError:
            if read_manifest(folder) == manifest:
                raise


def open_folder(folder: Path, kind: str, version: int) -> Opened:
    """Check everything in `folder` and return where its files lie.

    Raises:
        FolderError: as `hold`, or a file was changed.
    """
    held = hold(folder, kind, version)
    for stored in held.files.values():
        _ = stored.descriptor
    return Opened(folder, held.about, {name: stored.path for name, stored in held.files.items()})


def is_vacant(folder: Path) -> bool:
    """Tell whether `folder` is not there, empty, or holds only what a killed writer left."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(
        path.name == LOCK or path.name.startswith(BUILDING) or OURS.fullmatch(path.name)
        for path in folder.iterdir()
    )


def describe_folder(folder: Path, verify: bool = False) -> dict[str, Any]:
    """Say what a model or index folder is: its kind, layout, files and what its manifest says.

    Raises:
        FolderError: it is neither; or, with `verify`, files are missing or changed: all of them
            are named.
    """
    manifest = read_manifest(folder)
    record = {
        "path": str(folder),
        "kind": manifest.kind,
        "layout": manifest.version,
        **manifest.about,
        "bytes": sum(entry.bytes for entry in manifest.entries.values()),
        "files": {name: entry.bytes for name, entry in manifest.entries.items()},
    }
    if not verify:
        return record
    _refuse_runnable(folder)
    damaged = []
    for entry in manifest.entries.values():
        try:
            _ = Stored(folder, entry).descriptor
        except FolderError as error:
            damaged.append(error.found)
    if damaged:
        raise FolderError(
            "; ".join(damaged),
            "every file as the manifest names it",
            "Get the folder again from where it was made.",
        )
    return {**record, "whole": True}


def _store(folder: Path, name: str, content: bytes | Path | Stored) -> Entry:
    if isinstance(content, Stored):
        return content.entry
    if isinstance(content, bytes):
        digest, size = hashlib.sha256(content).hexdigest(), len(content)
    else:
        with content.open("rb+") as file:
            digest, size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()
            os.fsync(file.fileno())
    stored = folder / f"{Path(name).stem}.{digest[:12]}{Path(name).suffix}"
    if isinstance(content, Path):
        content.replace(stored)
    elif not stored.exists():
        with replacing(stored) as temporary:
            temporary.write_bytes(content)
    return Entry(stored.name, digest, size)


def _refuse_runnable(folder: Path) -> None:
    names = (name for _, _, files in os.walk(folder) for name in files)
    runnable = sorted(name for name in names if Path(name).suffix.lower() in RUNNABLE)
    if runnable:
        raise FolderError(
            f"{folder} holds {', '.join(runnable)}, which can run code when loaded",
            "JSON, .npy, Parquet, Arrow and FAISS files only",
            "Do not trust this folder; get it again from where it was made.",
        )


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
