"""The house rule: a folder imports only from itself and from folders to its left."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ORDER = ["data", "embed", "index", "classify", "web", "cli"]
ROOT = Path(__file__).parent.parent
FILES = [path for part in ORDER[:-1] for path in sorted((ROOT / part).rglob("*.py"))]


def imported_parts(path: Path) -> Iterator[str]:
    """Yield the top-level part that each relative import of `path` reaches."""
    depth = len(path.relative_to(ROOT).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [n.name for n in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("capscope"):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (n.name.split(".")[1] for n in node.names if n.name.startswith("capscope."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = path.relative_to(ROOT).parts[0]
    for there in imported_parts(path):
        assert ORDER.index(there) <= ORDER.index(here), f"{here}/ must not import {there}/"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_bare_import_loads_a_second_copy(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {name.name.split(".")[0] for name in node.names} & set(ORDER)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert (node.module or "").split(".")[0] not in ORDER


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_a_wrong_import_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_architecture.ROOT", tmp_path)
    (tmp_path / "data").mkdir()
    wrong = tmp_path / "data" / "wrong.py"
    wrong.write_text("from ..classify.label import label\nfrom .. import web\n")
    assert list(imported_parts(wrong)) == ["classify", "web"]
