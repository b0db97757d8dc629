"""Mutated logs: the reader raises its own error or none, and keeps good rows around bad ones."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capscope.data import InputError, ReadOptions, read_traffic
from capscope.data.formats import load_formats

FIXTURES = Path(__file__).parent / "fixtures" / "formats"
GOOD = {"prompt": "a good row", "session_id": "good"}
ODD: list[Any] = [
    None,
    True,
    -1,
    1e308,
    10**400,
    "",
    " ",
    "\x00",
    "\u202e",
    [],
    {},
    [[[]]],
    {"a": {"b": [1]}},
    "2026-13-45",
    "NaN",
    [None],
    "x" * 5000,
]


def changed(value: Any, rng: random.Random) -> Any:
    """Change one thing somewhere in a JSON value."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], changed(value[place], rng), *value[place + 1 :]]
    odd = rng.choice(ODD)
    return {"content": odd} if rng.random() < 0.1 else odd


def mangled(line: bytes, rng: random.Random) -> bytes:
    """Change one thing in the bytes of a line."""
    place = rng.randrange(len(line) + 1)
    cuts = [
        line[:place],
        line[:place] + bytes([rng.randrange(256)]) + line[place:],
        line[:place] + b"\xff\xfe" + line[place:],
        b"\xef\xbb\xbf" + line + b"\r",
        line.replace(b'"', b"'", 1),
        line[:place] + b"\\ud800" + line[place:],
        b"[" * 2000 + line,
        line.replace(b": ", b': NaN, "x": ', 1),
        line[:-1] + b", " + line[1:],
        line[:place] + line[place + rng.randrange(20) :],
    ]
    return rng.choice(cuts).replace(b"\n", b" ")


@pytest.mark.parametrize("name", load_formats())
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_log_never_breaks_the_reader(
    name: str, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)
    rows = (FIXTURES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    lines = []
    for _ in range(40):
        row = rng.choice(rows)
        line = json.dumps(changed(json.loads(row), rng)).encode()
        lines.append(mangled(line, rng) if rng.random() < 0.4 else line)
    path = tmp_path_factory.mktemp("fuzz") / "t.jsonl"
    path.write_bytes(b"\n".join(lines))
    for options in (ReadOptions(), ReadOptions(format=name)):
        try:
            traffic = read_traffic([str(path)], options)
        except InputError:
            continue
        assert len(traffic) == traffic.skipped.kept


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(seed=st.integers(0, 2**32))
def test_good_rows_around_bad_ones_are_kept(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rng = random.Random(seed)
    good = json.dumps(GOOD).encode()
    lines = [good]
    for _ in range(20):
        odd = json.dumps(changed({"prompt": "odd", "session_id": "odd", "timestamp": 1}, rng))
        lines += [mangled(odd.encode(), rng), good]
    path = tmp_path_factory.mktemp("fuzz") / "t.jsonl"
    path.write_bytes(b"\n".join(lines))
    traffic = read_traffic([str(path)], ReadOptions(format="plain"))
    assert traffic.table["prompt"].to_pylist().count(GOOD["prompt"]) == 21
