"""Logs in: every container gives the same traffic, and sessions are found where unnamed."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from conftest import Rows, write_rows

from capscope.data import SCHEMA, InputError, ReadOptions, read_traffic

ROWS: Rows = [
    {
        "session_id": "s1",
        "account_id": "a1",
        "timestamp": "2026-01-05T10:00:00Z",
        "model": "m-1",
        "system": "Be brief.",
        "prompt": 'a "quoted"\nprompt, with a comma',
    },
    {
        "session_id": "s1",
        "account_id": "a1",
        "timestamp": "2026-01-05T10:01:00Z",
        "prompt": "zwei 二 два",
    },
    {
        "session_id": "s2",
        "account_id": "a2",
        "timestamp": "2026-01-05T09:00:00Z",
        "prompt": "third",
    },
]


def write_gzip(path: Path, rows: Rows) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))


def write_zstd(path: Path, rows: Rows) -> None:
    text = "".join(json.dumps(r) + "\n" for r in rows)
    with pa.output_stream(str(path), compression="zstd") as file:
        file.write(text.encode())


def write_csv(path: Path, rows: Rows) -> None:
    pacsv.write_csv(pa.Table.from_pylist(rows), path)


def write_parquet(path: Path, rows: Rows) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


CONTAINERS: dict[str, Callable[[Path, Rows], None]] = {
    "t.jsonl": write_rows,
    "t.jsonl.gz": write_gzip,
    "t.jsonl.zst": write_zstd,
    "t.csv": write_csv,
    "t.parquet": write_parquet,
    "no-ending": write_rows,
    "no-ending-csv": write_csv,
    "no-ending-parquet": write_parquet,
    "gzip-without-ending": write_gzip,
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_the_same_traffic(name: str, tmp_path: Path) -> None:
    write_rows(tmp_path / "expected.jsonl", ROWS)
    expected = read_traffic([str(tmp_path / "expected.jsonl")])
    CONTAINERS[name](tmp_path / name, ROWS)
    traffic = read_traffic([str(tmp_path / name)])
    assert traffic.table.equals(expected.table)
    assert traffic.table.schema == SCHEMA
    assert traffic.skipped.total == 0


def test_fields_are_read_as_they_stand(tmp_path: Path) -> None:
    write_rows(tmp_path / "t.jsonl", ROWS)
    first = read_traffic([str(tmp_path / "t.jsonl")]).table.to_pylist()[0]
    assert first["prompt"] == ROWS[0]["prompt"]
    assert first["timestamp"] == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert (first["model"], first["system"], first["label"]) == ("m-1", "Be brief.", None)


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-05T10:00:00Z",
        "2026-01-05T12:00:00+02:00",
        "2026-01-05 10:00:00",
        1767607200,
        "1767607200",
        1767607200.0,
        1767607200000,
        1767607200000000,
        1767607200000000000,
    ],
)
def test_times_become_utc(time: object, tmp_path: Path) -> None:
    write_rows(tmp_path / "t.jsonl", [{"prompt": "hello", "timestamp": time}])
    table = read_traffic([str(tmp_path / "t.jsonl")]).table
    assert table["timestamp"].to_pylist() == [datetime(2026, 1, 5, 10, tzinfo=UTC)]


@pytest.mark.parametrize("time", ["yesterday", "", None, 1e300, -5, "infinity", "nan"])
def test_a_time_that_cannot_be_read_leaves_the_prompt(time: object, tmp_path: Path) -> None:
    write_rows(tmp_path / "t.jsonl", [{"prompt": "hello", "timestamp": time}])
    assert read_traffic([str(tmp_path / "t.jsonl")]).table["timestamp"].to_pylist() == [None]


def minute(n: int, account: str | None = "a") -> dict[str, object]:
    return {"prompt": f"p{n}", "account_id": account, "timestamp": 1767607200 + 60 * n}


def test_a_pause_of_more_than_thirty_minutes_opens_a_session(tmp_path: Path) -> None:
    rows = [minute(0), minute(30), minute(61), minute(5, "b"), minute(62)]
    write_rows(tmp_path / "t.jsonl", rows)
    traffic = read_traffic([str(tmp_path / "t.jsonl")])
    prompts = traffic.table["prompt"].to_pylist()
    sessions = [[prompts[row] for row in rows] for rows in traffic.groups("session")]
    assert sessions == [["p0", "p30"], ["p61", "p62"], ["p5"]]
    assert traffic.table["session_id"][0].as_py() == "a@20260105T100000.000000Z"


def test_prompts_without_anything_else_are_one_session_for_each_file(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        write_rows(tmp_path / name, [{"prompt": f"{name} {i}"} for i in range(3)])
    traffic = read_traffic([str(tmp_path)])
    assert traffic.groups("session").sizes.tolist() == [3, 3]
    assert traffic.table["account_id"].null_count == 6


def test_the_same_session_id_of_two_accounts_is_two_sessions(tmp_path: Path) -> None:
    rows = [
        {"session_id": "1", "account_id": a, "prompt": f"{a} {i}"} for i in range(2) for a in "xy"
    ]
    write_rows(tmp_path / "t.jsonl", rows)
    traffic = read_traffic([str(tmp_path / "t.jsonl")])
    prompts = traffic.table["prompt"].to_pylist()
    assert [[prompts[r] for r in rows] for rows in traffic.groups("session")] == [
        ["x 0", "x 1"],
        ["y 0", "y 1"],
    ]


def test_groups_by_account_are_in_time_order(tmp_path: Path) -> None:
    rows = [
        {"session_id": s, "account_id": a, "timestamp": t, "prompt": f"{a}{t}"}
        for s, a, t in (("s1", "a", 30), ("s2", "b", 10), ("s3", "a", 20), ("s1", "a", 40))
    ]
    write_rows(tmp_path / "t.jsonl", rows)
    traffic = read_traffic([str(tmp_path / "t.jsonl")])
    prompts = traffic.table["prompt"].to_pylist()
    accounts = [[prompts[r] for r in rows] for rows in traffic.groups("account")]
    assert accounts == [["a20", "a30", "a40"], ["b10"]]


def test_files_folders_and_globs_name_each_file_once(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl", "notes.txt"):
        write_rows(tmp_path / name, [{"prompt": name}])
    inputs = [str(tmp_path), str(tmp_path / "*.jsonl"), str(tmp_path / "a.jsonl")]
    assert read_traffic(inputs).table["prompt"].to_pylist() == ["a.jsonl", "b.jsonl"]


def test_blocks_larger_than_the_buffer_keep_every_line(tmp_path: Path) -> None:
    rows: Rows = [{"prompt": f"{i} " + "x" * 5000, "session_id": "s"} for i in range(4000)]
    write_rows(tmp_path / "t.jsonl", rows)
    traffic = read_traffic([str(tmp_path / "t.jsonl")])
    assert traffic.table["prompt"].to_pylist() == [row["prompt"] for row in rows]


def test_a_line_without_end_is_skipped_and_its_neighbours_kept(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(
        b'{"prompt": "one"}\n{"prompt": "' + b"x" * (80 << 20) + b'"}\n{"prompt": "two"}\n'
    )
    traffic = read_traffic([str(path)])
    assert traffic.table["prompt"].to_pylist() == ["one", "two"]
    assert "line longer than 64 MiB 1 (first" in traffic.skipped.describe()


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "one"}\r\n\r\n{"prompt": "two"}')
    traffic = read_traffic([str(path)])
    assert traffic.table["prompt"].to_pylist() == ["one", "two"]
    assert traffic.skipped.total == 0


def test_strict_stops_at_the_first_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"prompt": "one"}\n{"prompt": \n')
    with pytest.raises(InputError, match=r"t\.jsonl:2: not valid JSON"):
        read_traffic([str(path)], ReadOptions(strict=True))
