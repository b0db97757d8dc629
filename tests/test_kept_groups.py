"""Groups over batches: ids last, changes are told, and what is kept is drawn and kept whole."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Rows, records, write_rows
from test_campaigns import members, of, planted, row
from typer.testing import Result

from capscope.classify.campaigns import Kept
from capscope.classify.campaigns.history import Change, Known, trace
from capscope.data import FolderError, read_traffic, writing
from capscope.index import add, open_index
from capscope.index.batches import cluster_index

Run = Callable[..., Result]


def known(name: str, accounts: str, signs: str = "") -> Known:
    return Known(name, frozenset(accounts), frozenset(map(ord, signs)))


def told(changes: list[Change]) -> list[tuple[Any, ...]]:
    return [(c.campaign_id, c.change, c.joined, c.left, c.of) for c in changes]


def test_groups_keep_ids_and_say_what_changed() -> None:
    before = [known("one", "abcd"), known("two", "efgh"), known("three", "ijkl")]
    after = [known("x", "ijk"), known("y", "abcdmn"), known("z", "efgh"), known("new", "opq")]
    assert told(trace(before, after)) == [
        ("three", "shrunk", 0, 1, ["three"]),
        ("one", "grown", 2, 0, ["one"]),
        ("two", "same", 0, 0, ["two"]),
        ("new", "new", 3, 0, []),
    ]


def test_merged_groups_keep_the_id_of_the_larger_and_name_both() -> None:
    before = [known("small", "abc"), known("large", "defgh")]
    (change,) = trace(before, [known("x", "abcdefgh")])
    assert told([change]) == [("large", "merged", 3, 0, ["large", "small"])]


def test_of_a_split_group_the_larger_part_keeps_the_id() -> None:
    changes = trace([known("one", "abcdefgh")], [known("one", "abc"), known("y", "defgh")])
    assert told(changes) == [
        ("one-2", "split", 3, 0, ["one"]),
        ("one", "shrunk", 0, 3, ["one"]),
    ]


def test_a_group_whose_accounts_are_all_new_is_known_by_its_signs() -> None:
    before = [known("one", "abcd", "12345"), known("two", "efgh", "6789")]
    after = [known("x", "mnop", "12346"), known("y", "qrst", "16")]
    assert [change.campaign_id for change in trace(before, after)] == ["one", "y"]


def test_the_pairing_with_the_largest_sum_is_taken() -> None:
    """One by one, `two` would take its best, `x`, and leave nothing for `one`."""
    before = [known("one", "ab"), known("two", "cdef")]
    after = [known("x", "abcdef"), known("y", "gh", "1")]
    before[1] = Known("two", before[1].accounts, frozenset(map(ord, "1")))
    assert [change.campaign_id for change in trace(before, after)] == ["one", "two"]
    assert trace([], []) == []
    assert [c.change for c in trace([], after)] == ["new", "new"]


@pytest.fixture(scope="module")
def background(sample_rows: Rows) -> Rows:
    rng = np.random.default_rng(0)
    organic = [r for r in sample_rows if r["label"] == "organic"]
    return [row(r["session_id"], r["prompt"], rng.uniform(0, 14)) for r in organic]


@pytest.fixture(scope="module")
def campaign() -> Rows:
    return planted(16, 12, np.random.default_rng(0))


@pytest.fixture
def indexed(background: Rows, campaign: Rows, encoder: Any, tmp_path: Path) -> Callable[..., Path]:
    """An index with the background and the campaign's accounts of some numbers."""

    def more(numbers: range) -> Path:
        wanted = {f"camp-{i}" for i in numbers}
        rows = [*background, *(r for r in campaign if r["account_id"] in wanted)]
        write_rows(tmp_path / "rows.jsonl", rows)
        add(tmp_path / "index", read_traffic([str(tmp_path / "rows.jsonl")]), encoder)
        return tmp_path / "index"

    return more


def kept_bytes(index: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (index / "campaigns").iterdir()}


def test_ids_last_over_batches_and_the_same_index_gives_the_same_bytes(
    indexed: Callable[..., Path], run: Run
) -> None:
    index = indexed(range(10))
    (first, *_) = records(run("campaigns", "--index", index))
    assert members(first) == of("camp", 10)
    assert first["history"] == {"change": "new", "joined": 10, "left": 0, "of": []}
    once, result = kept_bytes(index), run("campaigns", "--index", index)
    assert records(result)[0] == first
    assert kept_bytes(index) == once
    indexed(range(16))
    result = run("campaigns", "--index", index)
    second = records(result)[0]
    assert members(second) == of("camp", 16)
    assert second["campaign_id"] == first["campaign_id"]
    assert second["history"] == {
        "change": "grown",
        "joined": 6,
        "left": 0,
        "of": [first["campaign_id"]],
    }
    assert re.search(r"[1-9] grown", result.stderr)
    again = records(run("campaigns", "--index", index, "--fresh"))[0]
    assert again["history"]["change"] == "new"


def test_a_kept_group_has_its_portrait(indexed: Callable[..., Path], run: Run) -> None:
    index = indexed(range(16))
    found = records(run("campaigns", "--index", index))
    kept = Kept.load(index)
    assert kept is not None
    assert kept.records == found
    portrait = kept.portrait(found[0]["campaign_id"])
    assert portrait is not None
    assert {node.account_id for node in portrait.nodes} == of("camp", 16)
    rows = open_index(index).rows
    own = [a.startswith("camp-") for a in rows["account_id"].to_pylist()]
    assert sum(portrait.group_hours) == sum(own) == 192
    assert sum(portrait.group_hours) + sum(portrait.rest_hours) == len(own)
    times = [t for t, mine in zip(rows["timestamp"].to_pylist(), own, strict=True) if mine]
    hour = np.bincount([t.weekday() * 24 + t.hour for t in times], minlength=168)
    assert portrait.group_hours == hour.tolist()
    assert portrait.growth[-1].accounts == 16
    assert sum(day.prompts for day in portrait.growth) == 192
    assert sum(day.new for day in portrait.growth) == 16
    assert portrait.links == len(portrait.edges) > 16
    strength = [edge.strength for edge in portrait.edges]
    assert strength == sorted(strength, reverse=True)
    for edge in portrait.edges:
        assert 0 <= edge.one < edge.other < 16
        assert edge.q < 0.01
        assert all(reason < len(portrait.shared) for reason in edge.reasons)
    assert any(edge.reasons for edge in portrait.edges)
    assert portrait.turn is not None
    steps, models = portrait.turn.steps, rows["model"].to_pylist()
    moved = sum(m == "m-2" for m, mine in zip(models, own, strict=True) if mine)
    assert sum(step.group_moved for step in steps) == moved > 40
    before = [step.group_moved for step in steps if step.start < portrait.turn.launch]
    assert sum(before) == 2, "its third account is the launch"
    assert sum(step.cohort_moved for step in steps) == 0 < sum(step.cohort for step in steps)


def test_a_portrait_is_bounded(
    indexed: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capscope.classify.campaigns.portrait.NODES", 6)
    monkeypatch.setattr("capscope.classify.campaigns.portrait.EDGES", 4)
    index = indexed(range(16))
    run("campaigns", "--index", index)
    kept = Kept.load(index)
    assert kept is not None
    portrait = kept.portraits[0]
    assert (portrait.accounts, len(portrait.nodes), len(portrait.edges)) == (16, 6, 4)
    assert 4 < portrait.links <= 15
    assert max(edge.other for edge in portrait.edges) < 6


def test_what_is_kept_is_refused_when_damaged_and_made_again_fresh(
    indexed: Callable[..., Path], run: Run, fails: Callable[..., str]
) -> None:
    index = indexed(range(10))
    run("campaigns", "--index", index)
    (stored,) = (index / "campaigns").glob("records.*")
    stored.write_text("{}\n")
    with pytest.raises(FolderError):
        Kept.load(index)
    fails("campaigns", "--index", index)
    assert run("campaigns", "--index", index, "--fresh").exit_code == 0


@pytest.mark.parametrize("command", ["campaigns", "clusters"])
def test_one_writer_at_a_time(
    command: str, few_file: Path, encoder: Any, tmp_path: Path, fails: Callable[..., str]
) -> None:
    add(tmp_path / "index", read_traffic([str(few_file)]), encoder)
    (tmp_path / "index" / command).mkdir()
    with writing(tmp_path / "index" / command):
        assert "being written to by process" in fails(command, "--index", tmp_path / "index")
    if command == "clusters":
        cluster_index(open_index(tmp_path / "index"), tmp_path / "index" / command)


def test_fresh_needs_an_index(few_file: Path, fails: Callable[..., str]) -> None:
    assert "--index" in fails("campaigns", few_file, "--fresh")


def test_records_of_inputs_tell_no_history(few_file: Path, run: Run) -> None:
    for line in run("campaigns", few_file).stdout.splitlines():
        assert "history" not in json.loads(line)
