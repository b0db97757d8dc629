"""Convert, hashing and redaction: the same verdicts, and nothing that should stay hidden."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from conftest import Rows, records, write_rows
from typer.testing import Result

from capscope.data import ReadOptions, convert, read_traffic
from capscope.data.formats import load_formats
from capscope.index import open_index

Run = Callable[..., Result]
Fails = Callable[..., str]
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_label_gives_the_same_after_convert(
    ending: str, run: Run, few_file: Path, tmp_path: Path
) -> None:
    table = tmp_path / f"t.{ending}"
    result = run("convert", few_file, "-o", table)
    assert result.exit_code == 0, result.output
    assert run("label", table).stdout == run("label", few_file).stdout


def test_convert_writes_what_label_reads(few_file: Path, tmp_path: Path) -> None:
    convert([str(few_file)], tmp_path / "t.parquet")
    expected = read_traffic([str(few_file)]).table
    assert pq.read_table(tmp_path / "t.parquet").column_names == expected.column_names
    assert read_traffic([str(tmp_path / "t.parquet")]).table.equals(expected)


def test_formats_lists_each_format_with_its_fields(run: Run) -> None:
    listed = records(run("formats"))
    assert [record["format"] for record in listed] == list(load_formats())
    assert all(record["fields"] for record in listed)


def test_the_gap_and_the_format_are_options(run: Run, fails: Fails, tmp_path: Path) -> None:
    rows: Rows = [
        {"prompt": f"p{i}", "account_id": "a", "timestamp": 1e9 + 600 * i} for i in range(3)
    ]
    write_rows(tmp_path / "t.jsonl", rows)
    for gap, sessions in (("30m", 1), ("5m", 3), ("1h", 1), ("599s", 3)):
        output = tmp_path / "out.jsonl"
        assert run("convert", tmp_path / "t.jsonl", "-o", output, "--gap", gap).exit_code == 0
        found = [json.loads(line) for line in output.read_text().splitlines()]
        assert len({row["session_id"] for row in found}) == sessions
    assert "Try --gap 30m" in fails("label", tmp_path / "t.jsonl", "--gap", "soon")
    assert "auto, plain," in fails("label", tmp_path / "t.jsonl", "--format", "none")


def test_identifiers_are_hashed_under_the_key(fails: Fails, few_file: Path, tmp_path: Path) -> None:
    row = {
        "prompt": "p",
        "account_id": "bob@example.com",
        "client_ip": "203.0.113.9",
        "payment": "card-1",
    }
    write_rows(tmp_path / "t.jsonl", [row, row | {"account_id": "eve"}])
    plain = read_traffic([str(tmp_path / "t.jsonl")]).table
    hashed = read_traffic([str(tmp_path / "t.jsonl")], ReadOptions(hash_key=KEY)).table
    other = read_traffic([str(tmp_path / "t.jsonl")], ReadOptions(hash_key=KEY[::-1])).table
    text = json.dumps([{k: str(v) for k, v in r.items()} for r in hashed.to_pylist()])
    for secret in ("bob", "eve", "203.0.113.9", "card-1"):
        assert secret not in text
    for column in ("account_id", "network", "payment"):
        assert len(set(hashed[column].to_pylist())) == len(set(plain[column].to_pylist()))
        assert set(hashed[column].to_pylist()).isdisjoint(other[column].to_pylist())
    (tmp_path / "short").write_text("secret")
    message = fails("label", few_file, "--hash-accounts", tmp_path / "short")
    assert "a key of 6 bytes" in message


SECRETS = {
    "[email]": ["bob.o+x@mail.example.co.uk", "ANNA_B@example.org"],
    "[phone]": ["+44 20 7946 0958", "(212) 555-0142", "+4930901820"],
    "[card]": ["4111 1111 1111 1111", "5500-0000-0000-0004", "340000000000009"],
    "[key]": [
        "sk-" + "a1B2" * 8,
        "AKIA" + "ABCDEFGH12345678",
        "ghp_" + "x" * 36,
        "eyJ" + "a" * 20 + "." + "b" * 20 + "." + "c" * 20,
        "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----",
    ],
}
HARMLESS = ["pi is 3.14159265358979", "order 4111111111111112", "on 2026-03-01 at 08:00:00", "a@b"]


@pytest.mark.parametrize("mask", SECRETS)
def test_secrets_are_masked_before_anything_is_written(mask: str, run: Run, tmp_path: Path) -> None:
    prompts = [f"Please use {secret} and go on." for secret in SECRETS[mask]]
    rows = [{"prompt": p, "system": f"For {p}", "session_id": "s"} for p in prompts]
    write_rows(tmp_path / "t.jsonl", rows)
    output = tmp_path / "out.jsonl"
    assert run("convert", tmp_path / "t.jsonl", "-o", output, "--redact").exit_code == 0
    written = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [row["prompt"] for row in written] == [f"Please use {mask} and go on."] * len(rows)
    assert all(mask in row["system"] for row in written)
    assert run("index", tmp_path / "t.jsonl", "--index", tmp_path / "i", "--redact").exit_code == 0
    assert open_index(tmp_path / "i").prompts.to_pylist() == [f"Please use {mask} and go on."]


def test_harmless_numbers_stay_and_nothing_is_masked_unasked(tmp_path: Path) -> None:
    everything = [*HARMLESS, *(secret for secrets in SECRETS.values() for secret in secrets)]
    write_rows(tmp_path / "t.jsonl", [{"prompt": text} for text in everything])
    plain = read_traffic([str(tmp_path / "t.jsonl")]).table["prompt"].to_pylist()
    assert plain == everything
    masked = read_traffic([str(tmp_path / "t.jsonl")], ReadOptions(redact=True)).table["prompt"]
    assert masked.to_pylist()[: len(HARMLESS)] == HARMLESS


def test_cleaning_keeps_the_length_and_tells_nothing_away(tmp_path: Path) -> None:
    long = "head " + "x" * 40_000 + " tail"
    rows: Rows = [
        {"prompt": "e\u0301 bell\x07 line\nnext\ttab"},
        {"prompt": long},
        {"prompt": "same"},
    ]
    write_rows(tmp_path / "t.jsonl", [*rows, {"prompt": "same"}])
    table = read_traffic([str(tmp_path / "t.jsonl")]).table.to_pylist()
    assert table[0]["prompt"] == "é bell line\nnext\ttab"
    assert len(table[1]["prompt"]) < 32_100
    assert table[1]["prompt"].startswith("head x")
    assert table[1]["prompt"].endswith("x tail")
    assert "\n[…]\n" in table[1]["prompt"]
    assert table[1]["prompt_chars"] == len(long)
    assert [row["prompt"] for row in table[2:]] == ["same", "same"]
    said = read_traffic([str(tmp_path / "t.jsonl")]).skipped.describe()
    assert said == "4 rows read, 4 prompts kept (1 repeats), 0 rows skipped"


def test_a_chat_of_ten_calls_is_ten_prompts(tmp_path: Path) -> None:
    """Clients resend the whole conversation with every call."""
    rows: Rows = []
    messages: Rows = []
    for turn in range(10):
        messages.append({"role": "user", "content": f"question {turn}"})
        rows.append({"model": "m", "user": "u", "messages": list(messages)})
        messages.append({"role": "assistant", "content": f"answer {turn}"})
    write_rows(tmp_path / "t.jsonl", rows)
    traffic = read_traffic([str(tmp_path / "t.jsonl")])
    assert traffic.table["prompt"].to_pylist() == [f"question {turn}" for turn in range(10)]
