"""What the documents say is run: examples in docstrings, commands in the README and in docs/."""

import doctest
import gzip
import importlib
import json
import os
import pkgutil
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from conftest import POOL, ROOT
from numpy.typing import NDArray
from typer.testing import CliRunner

from capscope.cli import app

MODULES = [
    module.name
    for part in ("data", "embed", "index", "classify", "web")
    for module in pkgutil.walk_packages(
        importlib.import_module(f"capscope.{part}").__path__, f"capscope.{part}."
    )
]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def commands(document: Path) -> list[str]:
    """The lines of a document's `sh` blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_documents_run(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every capscope line runs, in order, in a folder that looks like the checkout."""
    # A server would serve until it is stopped: here it opens what it is given, listens, and ends.
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: sockets[0].close())
    os.symlink(ROOT / "data", tmp_path / "data")
    (tmp_path / "out").mkdir()
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for line in commands(document):
            words = shlex.split(line, comments=True)
            if words and words[0] == "make":
                assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), line
            elif words and words[0] == "capscope" and not (missing_pool(line)):
                result = CliRunner().invoke(app, words[1:])
                assert result.exit_code == 0, f"{line}\n{result.output}"
    finally:
        os.chdir(before)


def missing_pool(line: str) -> bool:
    """Lines over the pool are run by `test_real_traffic`; they take minutes."""
    return "shared/pool" in line


def test_the_first_screen_of_the_readme_holds_the_two_commands() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40]
    assert {"make demo", "make test"} <= {line.strip() for line in first}


def test_no_sentence_of_the_pool_stands_in_the_repository() -> None:
    """Twelve words in a row that a pool prompt has too would be a copy."""
    if not POOL.is_dir():
        pytest.skip("the pool is not beside the checkout")
    files = [*(ROOT / "data").rglob("*.toml"), *(ROOT / "data" / "samples").iterdir()]
    ours = pa.array([file.read_text(encoding="utf-8") for file in files])
    sources = sorted(POOL.glob("*/*.jsonl.gz"))
    theirs = pa.chunked_array([pa.array(texts_of(path), pa.string()) for path in sources])
    words = pa.chunked_array([*split(ours).chunks, *split(theirs).chunks])
    grams = windows(words)
    of_ours, of_pool = np.concatenate(grams[: len(files)]), np.concatenate(grams[len(files) :])
    assert len(of_pool) > 1_000_000
    assert len(np.intersect1d(of_ours, of_pool)) == 0


def texts_of(path: Path) -> list[str]:
    if path.parent.name == "traces":
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"][:3000] for line in lines]


def split(texts: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """The words of each text, lower case."""
    spaced = pc.replace_substring_regex(pc.utf8_lower(texts), r"[^\pL\pN_]+", " ")
    lists = pc.utf8_split_whitespace(spaced)
    return lists if isinstance(lists, pa.ChunkedArray) else pa.chunked_array([lists])


def windows(words: pa.ChunkedArray, size: int = 12) -> list[NDArray[np.uint64]]:
    """A hash of every run of `size` words of each text."""
    words = words.combine_chunks()
    codes = pc.dictionary_encode(words.flatten()).indices.to_numpy().astype(np.uint64) + np.uint64(
        1
    )
    with np.errstate(over="ignore"):
        mixed = codes * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        hashed = np.zeros(max(len(codes) - size + 1, 0), dtype=np.uint64)
        for place in range(size):
            hashed = hashed * np.uint64(6364136223846793005) + mixed[place : place + len(hashed)]
    offsets = words.offsets.to_numpy()
    ends = np.maximum(offsets[1:] - size + 1, offsets[:-1])
    return [hashed[start:end] for start, end in zip(offsets[:-1], ends, strict=True)]


def test_a_copied_sentence_would_be_seen() -> None:
    copied = " ".join(f"word{i}" for i in range(12))
    texts = split(pa.array([f"before {copied} after", f"else, {copied}!", "too short"]))
    one, other, short = windows(texts)
    assert len(np.intersect1d(one, other)) == 1
    assert len(short) == 0
