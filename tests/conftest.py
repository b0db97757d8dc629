"""Real parts for every test: the real encoder, the shipped model, the shipped sample."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import chromium, looking
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner, Result

from capscope.classify import (
    SessionClassifier,
    judge_index,
    load_model,
    model_folder,
    train_files,
)
from capscope.cli import app
from capscope.data import read_traffic, seal
from capscope.data.traffic import Traffic
from capscope.embed import SentenceEncoder
from capscope.index import add, open_index

os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "samples" / "traffic.jsonl"
POOL = ROOT.parent / "shared" / "pool"

Rows = list[dict[str, Any]]

ENCODE = SentenceEncoder.encode


@pytest.fixture(scope="session", autouse=True)
def remembered_vectors() -> Iterator[None]:
    """Embed each text once in a run of the tests: most of them read the same sample."""
    memory: dict[str, NDArray[np.float32]] = {}

    def encode(self: SentenceEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
        fresh = [text for text in dict.fromkeys(texts) if text not in memory]
        memory.update(zip(fresh, ENCODE(self, fresh), strict=True))
        return np.stack([memory[text] for text in texts])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SentenceEncoder, "encode", encode)
        yield


@pytest.fixture
def forgotten_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of the vectors themselves: embed afresh each time."""
    monkeypatch.setattr(SentenceEncoder, "encode", ENCODE)


@pytest.fixture(scope="session")
def encoder() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.fixture(scope="session")
def sample_rows() -> Rows:
    return read_rows(SAMPLE)


@pytest.fixture(scope="session")
def sample() -> Traffic:
    return read_traffic([str(SAMPLE)])


@pytest.fixture(scope="session")
def halves(sample_rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sample split by account."""
    folder = tmp_path_factory.mktemp("halves")
    accounts = sorted({row["account_id"] for row in sample_rows})
    one = set(accounts[::2])
    write_rows(folder / "one.jsonl", [r for r in sample_rows if r["account_id"] in one])
    write_rows(folder / "other.jsonl", [r for r in sample_rows if r["account_id"] not in one])
    return folder / "one.jsonl", folder / "other.jsonl"


@pytest.fixture(scope="session", autouse=True)
def few_trees() -> Iterator[None]:
    """Models that tests train have few trees, to be trained in seconds."""
    with pytest.MonkeyPatch.context() as patch:
        small = partial(SessionClassifier, bags=3, rounds=60)
        patch.setattr(import_module("capscope.classify.learn"), "SessionClassifier", small)
        yield


@pytest.fixture(scope="session")
def trained(
    few_trees: None, halves: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A model of the first half."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    train_files([str(halves[0])], folder)
    return folder


@pytest.fixture(scope="session")
def few_sessions(sample_rows: Rows) -> Rows:
    """The rows of the sample's first twelve sessions."""
    first = list(dict.fromkeys(row["session_id"] for row in sample_rows))[:12]
    return [row for row in sample_rows if row["session_id"] in first]


@pytest.fixture(scope="session")
def few_file(few_sessions: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("few") / "traffic.jsonl"
    write_rows(path, few_sessions)
    return path


@pytest.fixture
def run() -> Callable[..., Result]:
    """Run capscope in this process; a result holds `stdout`, `stderr` and `exit_code`."""

    def invoke(*args: object, input: bytes | None = None) -> Result:
        return CliRunner().invoke(app, [str(arg) for arg in args], input=input)

    return invoke


@pytest.fixture
def fails(run: Callable[..., Result]) -> Callable[..., str]:
    """Run capscope, check that it ends as a user's mistake should, and return its message."""

    def invoke(*args: object, input: bytes | None = None) -> str:
        result = run(*args, input=input)
        assert result.exit_code == 2, result.output
        assert isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        assert result.stdout == ""
        assert result.stderr.startswith("capscope: ")
        assert len(result.stderr.splitlines()) == 1
        assert "; expected " in result.stderr
        return result.stderr

    return invoke


def write_rows(path: Path, rows: Rows) -> None:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")


def read_rows(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def records(result: Result) -> Rows:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="session")
def judged_index(
    sample: Traffic, encoder: SentenceEncoder, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An index of the shipped sample with its verdicts; nobody writes to it."""
    folder = tmp_path_factory.mktemp("judged") / "index"
    add(folder, sample, encoder)
    judge_index(folder, open_index(folder), encoder, load_model(), seal(model_folder(None)))
    return folder


@pytest.fixture(scope="session")
def own_index(judged_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Copies of that index, to write to."""

    def copy() -> Path:
        return Path(shutil.copytree(judged_index, tmp_path_factory.mktemp("own") / "index"))

    return copy


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for the tests of one file."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """A page of the `site` that the file serves."""
    with looking(browser, site) as page:
        yield page
