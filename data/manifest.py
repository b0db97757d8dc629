"""The manifest of a folder: what it is, which files it has, and a seal over all of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import FolderError
from .write import replacing

MANIFEST = "manifest.json"
UNSEALED = {("capscope index", 1)}
"""Kinds and layouts from before manifests had a seal; all others must have one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as the manifest names it."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says.

    Attributes:
        kind: what the folder is, such as "capscope model".
        version: its layout's number.
        about: what else it says.
        entries: the folder's files by logical name.
    """

    kind: str
    version: int
    about: dict[str, Any]
    entries: dict[str, Entry]


def write_manifest(
    folder: Path, kind: str, version: int, about: Mapping[str, Any], entries: Mapping[str, Entry]
) -> None:
    """Replace the manifest of `folder` in one step."""
    files = {
        name: {"file": entry.file, "sha256": entry.sha256, "bytes": entry.bytes}
        for name, entry in entries.items()
    }
    content = {"kind": kind, "version": version, **about, "files": files}
    with replacing(folder / MANIFEST) as temporary:
        temporary.write_bytes(_sealed(content))


def read_manifest(folder: Path, expected: tuple[str, int] | None = None) -> Manifest:
    """Read the manifest of `folder`.

    Args:
        folder: where to look.
        expected: the kind and layout that it must have; any where None.

    Raises:
        FolderError: no such folder, no readable manifest, another kind or layout, or a broken seal.
    """
    wanted = f"a {expected[0]} folder" if expected else "a model or index folder"
    if not folder.is_dir():
        raise FolderError(f"{folder} does not exist", wanted, "Check the path.")
    try:
        raw = (folder / MANIFEST).read_bytes()
        content = json.loads(raw)
        seal = content.pop("sha256", None)
        identity = content["kind"], content["version"]
        whole = raw == _sealed(content) if seal else identity in UNSEALED
        entries = {
            str(name): Entry(str(entry["file"]), str(entry["sha256"]), int(entry["bytes"]))
            for name, entry in content.pop("files").items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FolderError(
            f"{folder} has no readable {MANIFEST}", wanted, "Check the path."
        ) from error
    if expected and identity != expected:
        raise FolderError(
            f"{folder} is a {identity[0]}, layout {identity[1]}",
            f"a {expected[0]}, layout {expected[1]}",
            "Name another folder, or use the version of capscope that made it.",
        )
    if not whole:
        raise FolderError(
            f"{folder / MANIFEST} was changed",
            "the manifest that its own sha-256 is of",
            "Get the folder again from where it was made.",
        )
    about = {key: value for key, value in content.items() if key not in ("kind", "version")}
    return Manifest(*identity, about, entries)


def seal(folder: Path) -> str:
    """Return a name of the state that `folder` is in: another after every commit.

    Raises:
        FolderError: it has no readable manifest.
    """
    try:
        return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise FolderError(
            f"{folder} has no readable {MANIFEST}", "a model or index folder", "Check the path."
        ) from error


def is_folder_of(folder: Path, kind: str) -> bool:
    """Tell whether `folder` has a manifest of this kind, whatever its state."""
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes())["kind"] == kind)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _sealed(content: Mapping[str, Any]) -> bytes:
    seal = hashlib.sha256(json.dumps(content, indent=1).encode()).hexdigest()
    return (json.dumps({**content, "sha256": seal}, indent=1) + "\n").encode()
