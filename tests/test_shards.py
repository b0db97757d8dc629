"""Shards: every session or account whole in one, in the order of reading, whatever their size."""

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Rows, read_rows, write_rows
from hashed import hashed_rows

from capscope.classify import label, label_files, load_model
from capscope.data import FolderError, ReadOptions, read_traffic, write_records, write_shards
from capscope.embed import CachedEncoder, Recurring, SentenceEncoder

Mixed = tuple[Path, Rows]


@pytest.fixture(scope="module", autouse=True)
def hashed_encoder() -> object:
    """The order of things is tested here, not what prompts mean."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SentenceEncoder, "encode", lambda self, texts: hashed_rows(texts, 384))
        yield


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Mixed:
    """A log whose sessions lie mixed; some rows have no session, account or time."""
    rng = np.random.default_rng(0)
    rows: Rows = []
    for number in range(500):
        session, minute = int(rng.integers(40)), int(rng.integers(60))
        row = {
            "prompt": f"again {session % 7}" if number % 6 == 0 else f"what is {number} less one?",
            "session_id": f"s-{session % 13}",
            "account_id": f"a-{session % 11}",
            "timestamp": f"2026-01-{session % 28 + 1:02d}T{session % 24:02d}:{minute:02d}:00Z",
        }
        for name, every in (("session_id", 5), ("account_id", 7), ("timestamp", 11)):
            if number % every == 0:
                del row[name]
        rows.append(row)
    path = tmp_path_factory.mktemp("mixed") / "log.jsonl"
    write_rows(path, rows)
    return path, rows


@pytest.mark.parametrize("by", ["session", "account"])
@pytest.mark.parametrize("size", [9, 90, 20_000])
def test_a_verdict_does_not_depend_on_its_shard(
    mixed: Mixed, by: str, size: int, tmp_path: Path
) -> None:
    whole = label(read_traffic([str(mixed[0])]), SentenceEncoder(), load_model(), by=by)
    write_records((verdict.record(by) for verdict in whole), tmp_path / "whole.jsonl")
    label_files([str(mixed[0])], tmp_path / "out.jsonl", by=by, size=size)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("by", ["session", "account"])
def test_no_session_or_account_is_torn_apart(mixed: Mixed, by: str, tmp_path: Path) -> None:
    shards, skipped = write_shards([str(mixed[0])], ReadOptions(), tmp_path, by, 60)
    met: list[tuple[str, ...]] = []
    for shard in shards:
        traffic, _ = shard.read()
        keys = zip(*(traffic.column(name) for name in ("account_id", "session_id")), strict=True)
        units = [key if by == "session" or key[0] is None else key[:1] for key in keys]
        met += [unit for unit, _ in groupby(units)]
        largest = max(len(list(run)) for _, run in groupby(units))
        assert shard.prompts == len(traffic) < 60 + largest
    assert len(met) == len(set(met))
    assert sum(shard.prompts for shard in shards) == skipped.kept == 500


def test_long_prompts_fill_a_shard_sooner(tmp_path: Path) -> None:
    rows = [{"prompt": f"{n} " + "word " * 3000, "session_id": f"s-{n}"} for n in range(40)]
    write_rows(tmp_path / "log.jsonl", rows)
    shards, _ = write_shards([str(tmp_path / "log.jsonl")], ReadOptions(), tmp_path, "session", 20)
    assert [shard.prompts for shard in shards] == [4] * 10


def test_a_prompt_of_two_shards_is_known_to_recur(tmp_path: Path) -> None:
    rows = [{"prompt": p, "session_id": s} for s, p in zip("aabbcc", "xxyzzx", strict=True)]
    write_rows(tmp_path / "log.jsonl", rows)
    shards, _ = write_shards([str(tmp_path / "log.jsonl")], ReadOptions(), tmp_path, "session", 2)
    assert [set(shard.read()[1]) for shard in shards] == [{"x"}, {"z"}, {"x", "z"}]


def test_a_changed_shard_is_not_read(mixed: Mixed, tmp_path: Path) -> None:
    shards, _ = write_shards([str(mixed[0])], ReadOptions(), tmp_path, "session")
    changed = bytearray(shards[0].path.read_bytes())
    changed[len(changed) // 2] ^= 1
    shards[0].path.write_bytes(changed)
    with pytest.raises(FolderError, match="was changed"):
        shards[0].read()


def test_a_repeated_prompt_is_encoded_once_in_a_run(
    mixed: Mixed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[str] = []

    def encode(self: SentenceEncoder, texts: list[str]) -> np.ndarray:
        encoded.extend(texts)
        return hashed_rows(texts, 384)

    monkeypatch.setattr(SentenceEncoder, "encode", encode)
    label_files([str(mixed[0])], tmp_path / "out.jsonl", size=50)
    assert len(encoded) == len(set(encoded))
    assert set(encoded) >= {row["prompt"] for row in mixed[1]}


def test_only_texts_that_recur_are_kept(tmp_path: Path) -> None:
    encoder = SentenceEncoder()
    recurring = Recurring(encoder, CachedEncoder(encoder, tmp_path), frozenset("bd"))
    assert np.array_equal(recurring.encode([*"abcd"]), hashed_rows([*"abcd"], 384))
    with CachedEncoder(encoder, tmp_path)._open() as db:
        assert db.execute("SELECT count(*) FROM vectors").fetchone() == (2,)


def test_tables_are_the_same_whatever_the_group(
    mixed: Mixed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column that starts with nulls keeps its type; CSV and Parquet say what JSON lines do."""
    for name in ("one.jsonl", "one.csv", "one.parquet"):
        label_files([str(mixed[0])], tmp_path / name, size=200)
    expected = read_rows(tmp_path / "one.jsonl")
    table = pq.read_table(tmp_path / "one.parquet").to_pylist()
    flat = [r | {"evidence": json.dumps(r["evidence"], ensure_ascii=False)} for r in expected]
    assert table == flat
    monkeypatch.setattr("capscope.data.write.GROUP", 7)
    for name in ("many.csv", "many.parquet"):
        label_files([str(mixed[0])], tmp_path / name, size=200)
    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert pq.read_table(tmp_path / "many.parquet") == pq.read_table(tmp_path / "one.parquet")


def test_standard_output_starts_before_all_is_labelled(
    mixed: Mixed, run: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from capscope.classify import engines

    sizes: list[int] = []
    here = engines.label_here

    def watched(*args: object) -> object:
        for done in here(*args):
            yield done
            sizes.append(sys.stdout.tell())

    monkeypatch.setattr(engines, "label_here", watched)
    label_files([str(mixed[0])], None, size=50)
    assert len(sizes) > 5
    assert sorted(set(sizes)) == sizes


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_that_starts_with_nulls_keeps_its_type(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [{"score": None, "who": "a"}, {"score": 0.5, "who": None}, {"score": 1.0, "who": "b"}]
    write_records(records, tmp_path / f"one.{ending}")
    monkeypatch.setattr("capscope.data.write.GROUP", 1)
    write_records(iter(records), tmp_path / f"many.{ending}")
    one, many = (tmp_path / f"{name}.{ending}" for name in ("one", "many"))
    if ending == "csv":
        assert one.read_bytes() == many.read_bytes()
    else:
        assert pq.read_table(one).to_pylist() == pq.read_table(many).to_pylist() == records
