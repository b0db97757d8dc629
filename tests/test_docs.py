"""What the documents say is run: examples in docstrings, commands in the README and in docs/."""

import doctest
import importlib
import os
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
from conftest import POOL, ROOT
from typer.testing import CliRunner

from capscope.cli import app

MODULES = [
    module.name
    for part in ("data", "embed", "index", "classify")
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
def test_commands_in_documents_run(document: Path, tmp_path: Path) -> None:
    """Every capscope line runs, in order, in a folder that looks like the checkout."""
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


def test_no_sentence_of_the_pool_stands_in_the_sample_or_the_recipes() -> None:
    """Twelve words in a row that a pool prompt has too would be a copy."""
    if not POOL.is_dir():
        pytest.skip("the pool is not beside the checkout")
    import gzip
    import json

    files = [*(ROOT / "data").rglob("*.toml"), *(ROOT / "data" / "samples").iterdir()]
    ours = {gram for file in files for gram in grams(file.read_text(encoding="utf-8"))}
    for path in sorted(POOL.glob("*/*.jsonl.gz")):
        if path.parent.name != "traces":
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    assert not ours.intersection(grams(json.loads(line)["text"][:1500])), path.name


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(*(words[i:] for i in range(12)), strict=False))
