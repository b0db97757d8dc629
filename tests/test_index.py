"""Search equals a brute-force scan; an index is whole, and adding twice changes nothing."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from conftest import Rows, records, write_rows
from typer.testing import Result

from capscope.data import read_traffic
from capscope.data.manifest import read_manifest, write_manifest
from capscope.embed import SentenceEncoder
from capscope.index import AreaMap, Filter, PromptIndex, add, cluster, open_index, similar

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def folder(
    few_file: Path, encoder: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("index") / "index"
    add(folder, read_traffic([str(few_file)]), encoder)
    return folder


@pytest.fixture(scope="module")
def index(folder: Path) -> PromptIndex:
    return open_index(folder)


def scan(rows: Rows, text: str, encoder: SentenceEncoder) -> list[tuple[float, str]]:
    """Rank the distinct prompts of `rows` by cosine similarity, the slow and obvious way."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    similarities = encoder.encode(prompts) @ encoder.encode([text])[0]
    return sorted(zip(similarities.tolist(), prompts, strict=True), reverse=True)


@pytest.mark.parametrize("text", ["translate this sentence", "how do I cook rice?", "solve for x"])
def test_similar_equals_a_brute_force_scan(
    text: str, index: PromptIndex, few_sessions: Rows, encoder: SentenceEncoder
) -> None:
    found = similar(index, text, encoder, 10)
    expected = scan(few_sessions, text, encoder)[:10]
    assert [record["prompt"] for record in found] == [prompt for _, prompt in expected]
    np.testing.assert_allclose(
        [record["similarity"] for record in found], [s for s, _ in expected], atol=1e-5
    )


def test_filters_apply_in_the_search_so_k_does_not_shrink(
    index: PromptIndex, few_sessions: Rows, encoder: SentenceEncoder
) -> None:
    account = few_sessions[-1]["account_id"]
    theirs = [row for row in few_sessions if row["account_id"] == account]
    found = similar(index, "hello", encoder, 5, Filter(account=account))
    assert [r["prompt"] for r in found] == [p for _, p in scan(theirs, "hello", encoder)[:5]]
    times = sorted(datetime.fromisoformat(row["timestamp"]) for row in few_sessions)
    middle = times[len(times) // 2]
    for where, kept in (
        (Filter(since=middle), [r for r in few_sessions if r["timestamp"] >= stamp(middle)]),
        (Filter(until=middle), [r for r in few_sessions if r["timestamp"] <= stamp(middle)]),
        (Filter(label="extraction"), [r for r in few_sessions if r["label"] == "extraction"]),
    ):
        found = similar(index, "hello", encoder, 1000, where)
        assert {r["prompt"] for r in found} == {r["prompt"] for r in kept}


def stamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def test_more_than_there_are_is_short_never_padded(
    index: PromptIndex, few_sessions: Rows, encoder: SentenceEncoder
) -> None:
    found = similar(index, "hello", encoder, 10_000)
    assert len(found) == len({row["prompt"] for row in few_sessions})
    assert similar(index, "hello", encoder, 10, Filter(account="nobody")) == []


def test_repeats_are_counted_and_the_earliest_named(
    tmp_path: Path, encoder: SentenceEncoder
) -> None:
    rows: Rows = [
        {"prompt": "same", "session_id": s, "account_id": "a", "timestamp": t}
        for s, t in (("late", "2026-01-03"), ("early", "2026-01-01"), ("late", "2026-01-04"))
    ]
    write_rows(tmp_path / "t.jsonl", rows)
    add(tmp_path / "index", read_traffic([str(tmp_path / "t.jsonl")]), encoder)
    (found,) = similar(open_index(tmp_path / "index"), "same", encoder)
    assert (found["session_id"], found["repeats"]) == ("early", 3)
    assert found["timestamp"] == "2026-01-01T00:00:00Z"


def test_adding_the_same_input_again_changes_nothing(
    run: Run, folder: Path, few_file: Path
) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    result = run("index", few_file, "--index", folder)
    assert result.exit_code == 0
    assert "0 prompts added" in result.stderr
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_adding_in_parts_finds_the_same_as_adding_at_once(
    few_sessions: Rows, index: PromptIndex, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    half = len(few_sessions) // 2
    write_rows(tmp_path / "a.jsonl", few_sessions[: half + 20])
    write_rows(tmp_path / "b.jsonl", few_sessions[half:])
    for name in ("a", "b"):
        add(tmp_path / "index", read_traffic([str(tmp_path / f"{name}.jsonl")]), encoder)
    parts = open_index(tmp_path / "index")
    assert parts.rows.num_rows == index.rows.num_rows
    one, other = (similar(i, "write a letter", encoder, 20) for i in (parts, index))
    assert [r["prompt"] for r in one] == [r["prompt"] for r in other]
    assert [r["repeats"] for r in one] == [r["repeats"] for r in other]


def test_a_failed_switch_leaves_the_old_index(
    folder: Path, encoder: SentenceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "index"
    shutil.copytree(folder, copy)
    write_rows(tmp_path / "t.jsonl", [{"prompt": "one more"}])
    replace = Path.replace

    def kill(self: Path, target: Path) -> Path:
        if target.name == "manifest.json":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", kill)
    with pytest.raises(KeyboardInterrupt):
        add(copy, read_traffic([str(tmp_path / "t.jsonl")]), encoder)
    monkeypatch.undo()
    assert open_index(copy).rows.equals(open_index(folder).rows)


def test_an_index_of_another_encoder_or_a_folder_of_something_else_is_refused(
    fails: Callable[..., str], folder: Path, few_file: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "index"
    shutil.copytree(folder, copy)
    found = read_manifest(copy)
    about = found.about | {"encoder": "other"}
    write_manifest(copy, found.kind, found.version, about, found.entries)
    assert "made with the encoder other" in fails("similar", "x", "--index", copy)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "precious").touch()
    assert "holds something else" in fails("index", few_file, "--index", tmp_path / "else")
    assert "does not exist" in fails("similar", "x", "--index", tmp_path / "none")
    assert "ISO 8601" in fails("similar", "x", "--index", folder, "--since", "last week")


def test_clusters_find_what_was_planted(encoder: SentenceEncoder) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 64))
    planted = np.repeat(np.arange(4), 30)
    vectors = centres[planted] + 0.05 * rng.normal(size=(120, 64))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = cluster(vectors.astype(np.float32))
    assert len(set(zip(planted.tolist(), found.labels.tolist(), strict=True))) == 4
    again = cluster(vectors.astype(np.float32))
    assert np.array_equal(found.labels, again.labels)


def test_noise_stays_noise() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(60, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (cluster(vectors).labels == -1).any()


def test_the_clusters_command_names_areas_and_exemplars(run: Run, folder: Path) -> None:
    found = records(run("clusters", "--index", folder))
    assert found
    fields = (
        "cluster size name area area_similarity accounts sessions exemplars "
        "first last repeats skeleton neighbours"
    )
    for record in found:
        assert list(record) == fields.split()
        assert 1 <= len(record["exemplars"]) <= 3


def test_every_exemplar_lies_in_its_own_area(encoder: SentenceEncoder) -> None:
    areas = AreaMap.embedded(encoder)
    placed = areas.place(areas.exemplars)
    assert np.array_equal(placed.cell, areas.cell_of)
    assert np.array_equal(placed.area, areas.area_of[areas.cell_of])
    assert areas.place(-areas.exemplars[:1]).area.tolist() == [areas.areas.index("general")]
