"""Sessions that are learned from beside those of the promise, and the project's own sources."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import read_rows, write_rows
from typer.testing import Result

from capscope.classify import load_model, train_files
from capscope.classify.truth import read_truth
from capscope.data import read_traffic
from capscope.data.areas import load_areas
from capscope.data.recipes import grids, wrappers
from capscope.data.simulation.invented import invented_shelves
from capscope.data.simulation.shelf import Shelf
from capscope.data.split import FOLDS, HELD_OUT, group_of

Run = Callable[..., Result]
Fails = Callable[..., str]


@pytest.fixture(scope="module")
def helped(halves: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the first half, that learned from the other half beside it."""
    folder = tmp_path_factory.mktemp("helped") / "model"
    train_files([str(halves[0])], folder, beside=[str(halves[1])])
    return folder


def test_promises_and_figures_rest_on_the_traffic_alone(
    helped: Path, trained: Path, halves: tuple[Path, Path]
) -> None:
    alone, model = load_model(trained), load_model(helped)
    scores, others = model.short.scores, alone.short.scores
    assert scores.extraction.tolist() == others.extraction.tolist()
    assert model.max_fpr == alone.max_fpr
    assert not np.array_equal(scores.whole, others.whole)
    beside = len(read_truth(read_traffic([str(halves[1])]), 5).groups)
    assert f"{beside} other sessions were learned from as well" in model.card
    assert f"{len(scores.extraction)} sessions," in model.card
    assert "other sessions" not in alone.card
    learned = len(read_truth(read_traffic([str(halves[0])]), 5).groups) + beside
    assert len(model.trained_on) == learned


def test_known_prompts_are_of_the_traffic_alone(halves: tuple[Path, Path], tmp_path: Path) -> None:
    rows = read_rows(halves[1])
    write_rows(tmp_path / "other.jsonl", [row | {"source": "elsewhere"} for row in rows])
    train_files([str(halves[0])], tmp_path / "model", beside=[str(tmp_path / "other.jsonl")])
    model = load_model(tmp_path / "model")
    known = {model.sources[source] for source in np.unique(model.known.source)}
    assert "elsewhere" in model.sources
    assert "elsewhere" not in known


def test_a_labels_file_leaves_them_the_labels_of_their_column(
    helped: Path, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    named = {row["session_id"]: row["label"] for row in read_rows(halves[0])}
    write_rows(tmp_path / "labels.jsonl", [dict(session_id=s, label=n) for s, n in named.items()])
    train_files(
        [str(halves[0])],
        tmp_path / "model",
        beside=[str(halves[1])],
        labels=tmp_path / "labels.jsonl",
    )
    again = load_model(tmp_path / "model")
    assert np.array_equal(again.short.scores.whole, load_model(helped).short.scores.whole)


def test_sessions_without_a_group_are_split_by_account_beside_those_with_one(
    sample_rows: list[dict[str, object]], tmp_path: Path
) -> None:
    grouped = [row | {"group": "ours"} for row in sample_rows[: len(sample_rows) // 2]]
    bare = [
        {name: value for name, value in row.items() if name != "group"}
        for row in sample_rows[len(sample_rows) // 2 :]
    ]
    write_rows(tmp_path / "mixed.jsonl", [*grouped, *bare])
    truth = read_truth(read_traffic([str(tmp_path / "mixed.jsonl")]), 1)
    assert truth.folds[-1] == "ours"
    assert {name.split()[0] for name in truth.folds[:-1]} == {"accounts"}
    assert set(truth.fold) == set(range(len(truth.folds)))


def test_what_adds_nothing_is_refused(
    fails: Fails, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    bare = [{k: v for k, v in row.items() if k != "label"} for row in read_rows(halves[1])]
    write_rows(tmp_path / "bare.jsonl", bare)
    asked = ("train", halves[0], "-o", tmp_path / "model", "--beside")
    assert "no labelled session" in fails(*asked, tmp_path / "bare.jsonl")
    assert "stand in the traffic and beside it" in fails(*asked, halves[0])
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def shelves() -> dict[str, Shelf]:
    return invented_shelves()


def test_every_group_has_sources_of_its_own(shelves: dict[str, Shelf]) -> None:
    assert set(shelves) <= set(FOLDS)
    assert len(shelves) >= 8
    held: defaultdict[str, set[str]] = defaultdict(set)
    for group, shelf in shelves.items():
        assert len(shelf.extraction) >= 3
        assert len(shelf.people) >= 1
        for source in chain(shelf.organic, shelf.extraction, *shelf.payloads.values()):
            held[source.name].add(group)
        for recipe in chain(*shelf.applications.values(), shelf.wrappers):
            held[recipe.name].add(group)
    assert all(len(groups) == 1 for groups in held.values())
    assert not held.keys() & {recipe.name for recipe in (*wrappers(), *grids())}


def test_their_texts_are_many_and_different(shelves: dict[str, Shelf]) -> None:
    areas = {area.name for area in load_areas()}
    seen: Counter[str] = Counter()
    for shelf in shelves.values():
        for source in chain(shelf.organic, shelf.extraction, *shelf.payloads.values()):
            texts = source.prompts
            assert len(texts) >= 40, source.name
            assert len(set(texts)) > 0.9 * len(texts), source.name
            assert not any(re.search(r"^(%%|====)$", text, re.MULTILINE) for text in texts)
            seen.update(set(texts))
        assert {source.area for source in shelf.extraction} <= areas
        for application in chain(*shelf.applications.values()):
            assert "<<" not in application.template.replace("<<<", "")
            assert application.template.format(payload="a {slot}").count("a {slot}") == 1
            assert shelf.filling(application)
        for wrapper in shelf.wrappers:
            assert wrapper.template.format(task="a {slot}").count("a {slot}") == 1
    assert max(seen.values()) <= 3


def test_their_groups_take_no_recipe_that_is_held_out(shelves: dict[str, Shelf]) -> None:
    every = {grid.name: group_of(i) for i, grid in enumerate(grids())}
    for group, shelf in shelves.items():
        assert {every[grid.name] for grid in shelf.grids} == {group} != {HELD_OUT}


def test_lessons_are_composed_without_a_pool(run: Run, tmp_path: Path) -> None:
    for name in ("one.parquet", "two.parquet"):
        asked = ("--pool", "invented", "--sessions", 200, "--seed", 3, "-o", tmp_path / name)
        assert run("simulate", *asked).exit_code == 0
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    rows = pq.read_table(tmp_path / "one.parquet").to_pylist()
    assert len({row["session_id"] for row in rows}) == 200
    assert {row["label"] for row in rows} == {"organic", "extraction"}
    assert {row["group"] for row in rows} == set(invented_shelves())


def test_none_of_them_is_held_out(fails: Fails, tmp_path: Path) -> None:
    told = fails("simulate", "--pool", "invented", "--held-out", "-o", tmp_path / "t.parquet")
    assert "none is held out" in told
    assert not (tmp_path / "t.parquet").exists()
