"""The verdicts that are kept beside an index: those of `label`, and judged again only where due."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import Rows, records, write_rows
from typer.testing import Result

from capscope.classify import judge_index, load_model, model_folder, read_judged
from capscope.classify import judged as module
from capscope.data import read_traffic, seal, writing
from capscope.data.errors import InputError
from capscope.embed import SentenceEncoder
from capscope.index import add, compact, find_sessions, forget, open_index

MODEL = load_model()
NAME = seal(model_folder(None))


def judge(folder: Path, encoder: SentenceEncoder, **more: Any) -> Any:
    return judge_index(folder, open_index(folder), encoder, MODEL, NAME, **more)


@pytest.fixture
def folder(few_sessions: Rows, encoder: SentenceEncoder, tmp_path: Path) -> Path:
    """Two segments; a session that stands in both."""
    for number, part in enumerate((few_sessions[:60], few_sessions[60:])):
        write_rows(tmp_path / f"{number}.jsonl", part)
        add(tmp_path / "index", read_traffic([str(tmp_path / f"{number}.jsonl")]), encoder)
    return tmp_path / "index"


def test_kept_verdicts_are_those_that_label_gives(
    run: Callable[..., Result], folder: Path, few_file: Path, encoder: SentenceEncoder
) -> None:
    told = {
        (r["account_id"], r["session_id"]): r for r in records(run("label", few_file, "--exact"))
    }
    kept = judge(folder, encoder).table.to_pylist()
    assert len(kept) == len(told) == 12
    for row in kept:
        expected = told[row["account_id"], row["session_id"]]
        row["evidence"] = json.loads(row["evidence"])
        assert {name: row[name] for name in ("label", "score", "area", "evidence")} == {
            name: expected[name] for name in ("label", "score", "area", "evidence")
        }


def test_only_sessions_with_other_rows_are_judged_again(
    folder: Path,
    few_sessions: Rows,
    encoder: SentenceEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = judge(folder, encoder)
    sizes: list[int] = []
    real = module._verdicts

    def counted(*args: Any) -> pa.Table:
        sizes.append(len(args[3]))
        return real(*args)

    monkeypatch.setattr(module, "_verdicts", counted)
    assert judge(folder, encoder).table.equals(before.table)
    assert sizes == []
    grown, new = few_sessions[0], {"prompt": "what is a fjord", "session_id": "new"}
    write_rows(tmp_path / "more.jsonl", [grown | {"prompt": "and what of the tides"}, new])
    add(folder, read_traffic([str(tmp_path / "more.jsonl")]), encoder)
    after = judge(folder, encoder)
    assert sizes == [2]
    index = open_index(folder)
    assert (after.of(find_sessions(index)) >= 0).all()
    assert len(after.table) == 13
    forget(folder, few_sessions[0]["account_id"], None)
    assert judge(folder, encoder).table["session_id"].to_pylist().count(grown["session_id"]) == 0


def test_a_digest_is_of_the_rows_in_any_order(encoder: SentenceEncoder, tmp_path: Path) -> None:
    first, second, other = (
        {"prompt": prompt, "session_id": "s", "timestamp": f"2026-01-01T00:0{n}:00Z"}
        for n, prompt in enumerate(("a fjord", "a skerry", "a sound"))
    )
    digests = []
    for number, rows in enumerate(([first, second], [second, first], [first, other])):
        write_rows(tmp_path / "t.jsonl", rows)
        add(tmp_path / str(number), read_traffic([str(tmp_path / "t.jsonl")]), encoder)
        digests.append(find_sessions(open_index(tmp_path / str(number))).digest.tolist())
    assert digests[0] == digests[1] != digests[2]


def test_another_model_judges_all_again(folder: Path, encoder: SentenceEncoder) -> None:
    judge(folder, encoder)
    told: list[tuple[int, int]] = []
    judge_index(folder, open_index(folder), encoder, MODEL, "another", lambda *n: told.append(n))
    assert told == [(0, 12), (12, 12)]
    kept = read_judged(folder)
    assert kept is not None
    assert kept.model == "another"


def test_a_kill_keeps_what_was_judged(
    folder: Path, encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 5)

    def killed(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(folder, encoder, tell=killed)
    kept = read_judged(folder)
    assert kept is not None
    assert len(kept.table) == 10
    told: list[tuple[int, int]] = []
    whole = judge(folder, encoder, tell=lambda *n: told.append(n)).table
    assert told == [(10, 12), (12, 12)]
    assert whole.num_rows == 12


def test_compacting_leaves_no_quote_of_what_was_forgotten(
    folder: Path, few_sessions: Rows, encoder: SentenceEncoder
) -> None:
    judge(folder, encoder)
    compact(folder)
    assert read_judged(folder) is not None
    forget(folder, few_sessions[0]["account_id"], None)
    compact(folder)
    assert read_judged(folder) is None
    assert not [path for path in folder.rglob("*.parquet") if "verdicts" in path.parts]


def test_damaged_verdicts_are_made_anew(folder: Path, encoder: SentenceEncoder) -> None:
    before = judge(folder, encoder)
    (part,) = (folder / "verdicts").glob("*.parquet")
    part.write_bytes(b"not parquet" + part.read_bytes()[11:])
    assert read_judged(folder) is None
    assert judge(folder, encoder).table.equals(before.table)


def test_one_judges_at_a_time(folder: Path, encoder: SentenceEncoder) -> None:
    judge(folder, encoder)
    with writing(folder / "verdicts"), pytest.raises(InputError, match="being written to"):
        judge(folder, encoder)
