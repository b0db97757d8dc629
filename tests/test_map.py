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
from capscope.index import add, map_index, open_index, positions
from capscope.index import map as pictures
from capscope.index.map import draw
from capscope.index.positions import Positions, project

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
    monkeypatch.setattr(positions, "MAPPED", 90)
    vectors, labels = groups(3, 60)
    points, laid = project(vectors, labels)
    assert len(laid) == 90
    assert np.array_equal(points, project(vectors, labels)[0])
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
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
    monkeypatch.setattr(positions, "MAPPED", 150)
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


def test_known_prompts_keep_their_places_when_the_index_grows(
    few_sessions: Rows, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    index, folder = tmp_path / "index", tmp_path / "map"

    def mapped(rows: Rows) -> Positions:
        write_rows(tmp_path / "t.jsonl", rows)
        add(index, read_traffic([str(tmp_path / "t.jsonl")]), encoder)
        opened = open_index(index)
        return map_index(opened, np.zeros(len(opened), np.int64), folder)

    first = mapped(few_sessions[:60])
    assert mapped(few_sessions[:60]).points.tobytes() == first.points.tobytes()
    more = mapped(few_sessions[:80])
    assert len(more.points) > len(first.points)
    assert np.array_equal(more.points[: len(first.points)], first.points)
    assert np.array_equal(more.laid, first.laid)
    assert np.array_equal(Positions.load(folder).points, more.points)
    inside = (more.points >= first.points.min(axis=0)) & (more.points <= first.points.max(axis=0))
    assert inside.all()
    afresh = mapped(few_sessions)
    assert len(afresh.laid) == len(afresh.points) > 2 * len(first.points)


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

    monkeypatch.setattr(pictures, "import_module", missing)
    told = fails("map", "--index", tmp_path, "-o", tmp_path / "m.svg")
    assert "pip install 'capscope[map]'" in told
