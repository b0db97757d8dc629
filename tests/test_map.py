"""The map is the same each time, and draws hostile names as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Rows, read_rows, write_rows
from typer.testing import Result

from capscope.data import read_traffic
from capscope.embed import SentenceEncoder
from capscope.index import add, open_index
from capscope.index import map as module
from capscope.index.map import draw, project

pytest.importorskip("matplotlib", reason="the extra `map`, which `dev` brings")


def groups(n: int, size: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(n), size)
    vectors = rng.normal(size=(n, 64))[labels] + 0.2 * rng.normal(size=(n * size, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), labels


def test_clusters_stay_together_and_the_map_is_the_same_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAPPED", 90)
    vectors, labels = groups(3, 60)
    positions = project(vectors, labels)
    assert np.array_equal(positions, project(vectors, labels))
    centres = np.stack([positions[labels == label].mean(axis=0) for label in range(3)])
    nearest = np.linalg.norm(positions[:, None] - centres, axis=2).argmin(axis=1)
    assert np.array_equal(nearest, labels)


def test_the_map_command_writes_a_picture_and_its_data(
    run: Callable[..., Result],
    few_sessions: Rows,
    encoder: SentenceEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_rows(tmp_path / "t.jsonl", few_sessions)
    add(tmp_path / "index", read_traffic([str(tmp_path / "t.jsonl")]), encoder)
    monkeypatch.setattr(module, "MAPPED", 150)
    index = tmp_path / "index"
    for picture, data in (("a.svg", "a.parquet"), ("b.svg", "b.jsonl"), ("c.png", "c.jsonl")):
        result = run("map", "--index", index, "-o", tmp_path / picture, "--data", tmp_path / data)
        assert result.exit_code == 0, result.output
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.column_names == ["x", "y", "cluster", "area"]
    assert table.num_rows == len(open_index(tmp_path / "index").prompts)
    rows = read_rows(tmp_path / "b.jsonl")
    assert [row["cluster"] for row in rows] == table["cluster"].to_pylist()


def test_hostile_names_are_drawn_as_they_are(tmp_path: Path) -> None:
    names = ["<script>alert(1)</script>", "$\\frac{1}{$ & \"'", "日本語 \\x"]
    positions = np.array([[0, 0], [1, 1], [2, 0]], dtype=np.float32)
    draw(positions, np.arange(3), names, tmp_path / "map.svg", "svg")
    root = ElementTree.parse(tmp_path / "map.svg").getroot()
    assert not [node for node in root.iter() if node.tag.endswith("script")]
    drawn = {node.text for node in root.iter() if node.tag.endswith("text")}
    assert set(names) <= drawn


def test_other_endings_and_a_missing_extra_are_told_before_any_work(
    fails: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ending in .svg, .png" in fails("map", "--index", tmp_path, "-o", tmp_path / "m.jpg")

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", missing)
    told = fails("map", "--index", tmp_path, "-o", tmp_path / "m.svg")
    assert "pip install 'capscope[map]'" in told
