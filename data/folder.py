"""Folders that hold a model or an index: a manifest with checksums, switched in one step.

Files carry a part of their checksum in their names, so a new state never overwrites an old one:
a writer adds its files, replaces `manifest.json`, then removes what no manifest names. A reader
or a kill at any moment sees the old state or the new one.
"""

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
RUNNABLE = {".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".bin", ".py", ".pyc", ".so"}
"""Endings of formats that can run code when loaded. A folder that holds one is not opened."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder whose files were all found whole."""

    path: Path
    about: dict[str, Any]
    files: dict[str, Path]


def commit(
    folder: Path, kind: str, version: int, about: Mapping[str, Any], files: Mapping[str, bytes]
) -> None:
    """Make `files` the whole content of `folder`, in one step.

    Args:
        folder: made if it does not exist; its parent must.
        kind: what the folder is, such as "capscope model".
        version: the layout's number.
        about: what else the manifest says; JSON.
        files: content by logical name, such as "card.md".
    """
    folder.mkdir(exist_ok=True)
    entries = {}
    for name, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        stored = f"{Path(name).stem}.{digest[:12]}{Path(name).suffix}"
        entries[name] = {"file": stored, "sha256": digest, "bytes": len(content)}
        if not (folder / stored).exists():
            with replacing(folder / stored) as temporary:
                temporary.write_bytes(content)
    manifest = {"kind": kind, "version": version, **about, "files": entries}
    with replacing(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    kept = {MANIFEST, *(entry["file"] for entry in entries.values())}
    stems = {Path(name).stem for name in (*files, MANIFEST)}
    for path in folder.iterdir():
        if path.name not in kept and path.name.lstrip(".").split(".")[0] in stems:
            path.unlink()


def is_folder_of(folder: Path, kind: str) -> bool:
    """Tell whether `folder` has a manifest of this kind, whatever its state."""
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes())["kind"] == kind)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def open_folder(folder: Path, kind: str, version: int) -> Opened:
    """Check everything in `folder` and return where its files lie.

    Raises:
        FolderError: no such folder or manifest, another kind or version, a file missing or
            changed, or a file of a kind that can run code.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder} does not exist", f"a {kind} folder", "Check the path.")
    runnable = sorted(p.name for p in folder.rglob("*") if p.suffix.lower() in RUNNABLE)
    if runnable:
        raise FolderError(
            f"{folder} holds {', '.join(runnable)}, which can run code when loaded",
            "JSON, .npy, Parquet and FAISS files only",
            "Do not trust this folder; get it again from where it was made.",
        )
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        found = (manifest["kind"], manifest["version"])
        entries = {
            str(name): (str(entry["file"]), str(entry["sha256"]))
            for name, entry in manifest["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FolderError(
            f"{folder} has no readable {MANIFEST}", f"a {kind} folder", "Check the path."
        ) from error
    if found != (kind, version):
        raise FolderError(
            f"{folder} is a {found[0]}, layout {found[1]}",
            f"a {kind}, layout {version}",
            "Name another folder, or use the version of capscope that made it.",
        )
    return Opened(folder, manifest, {n: _checked(folder, *e) for n, e in entries.items()})


def _checked(folder: Path, stored: str, sha256: str) -> Path:
    path = folder / stored
    if Path(stored).name != stored or not path.is_file():
        raise FolderError(
            f"{folder} lacks its file {stored}",
            "every file that the manifest names",
            "Get the folder again from where it was made.",
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise FolderError(
            f"{path} was changed (sha-256 {digest[:12]}…)",
            f"sha-256 {sha256[:12]}…",
            "Get the folder again from where it was made.",
        )
    return path
