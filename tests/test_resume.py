"""A run of `label` that is cut off leaves nothing half-written, and goes on."""

import ctypes
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Rows, write_rows
from hashed import hashed_rows, some_rows

from capscope.classify import label_files, load_model, save_model, shard
from capscope.data import InputError, writing
from capscope.embed import SentenceEncoder

HERE = Path(__file__).parent
SHARDS = 10
SIZE = 40
KEEP_CAPABILITIES, WRITE_ANYWHERE = 24, 1
"""prctl's PR_CAPBSET_DROP, and root's right to write where permissions forbid it."""


@pytest.fixture
def hashed_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in other processes' place: vectors by hash."""
    monkeypatch.setattr(SentenceEncoder, "encode", lambda self, texts: hashed_rows(texts, 384))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    write_rows(path, some_rows(SHARDS * SIZE))
    return path


@pytest.fixture(scope="module")
def undisturbed(log: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("undisturbed") / "out.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SentenceEncoder, "encode", lambda self, texts: hashed_rows(texts, 384))
        label_files([str(log)], path)
    return path.read_bytes()


class Slow:
    """`label` in a process of its own, some time at each shard."""

    def __init__(self, log: Path, output: Path | None, *args: str, pause: float = 0.0) -> None:
        to = ["-o", str(output)] if output else []
        self.command = [sys.executable, str(HERE / "slow_label.py"), str(pause), str(SIZE)]
        self.command += ["label", str(log), *to, *args]
        self.folder = output.parent / f".{output.name}.run" if output else None

    def start(self, **how: object) -> "Slow":
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
        )
        return self

    def wait_for_parts(self, count: int) -> None:
        until = time.monotonic() + 60
        while len(self.parts()) < count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)

    def numbers(self) -> set[int]:
        return {int(path.name[5:11]) for path in self.parts()}

    def parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.jsonl"))

    def end(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.mark.usefixtures("hashed_encoder")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_stopped_run_goes_on(
    number: signal.Signals, code: int, log: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text("old")
    slow = Slow(log, output, pause=0.3).start()
    slow.wait_for_parts(3)
    slow.process.send_signal(number)
    ended, said = slow.end()
    assert ended == code
    if number != signal.SIGKILL:
        (line,) = said.splitlines()
        assert line.startswith("capscope: stopped; ")
        assert f"shards are done and kept in {slow.folder}; " in line
        assert "--resume goes on" in line
    assert output.read_text() == "old"
    done = slow.numbers()
    assert 3 <= len(done) < SHARDS
    assert numbers_done_by(output, log) == set(range(SHARDS)) - done
    assert output.read_bytes() == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


def numbers_done_by(output: Path, log: Path) -> set[int]:
    """Go on with a run in this process, and return the numbers of the shards that it labels."""
    with pytest.MonkeyPatch.context() as patch:
        done: set[int] = set()
        write = shard.write_part

        def watched(folder: Path, number: int, *args: object) -> object:
            done.add(number)
            return write(folder, number, *args)

        patch.setattr(shard, "write_part", watched)
        label_files([str(log)], output, size=SIZE, resume=True)
        return done


@pytest.mark.usefixtures("hashed_encoder")
def test_kills_at_random_moments(log: Path, undisturbed: bytes, tmp_path: Path) -> None:
    """Each run is killed and resumed by the next, until one is left alone."""
    rng = random.Random(0)
    output = tmp_path / "out.jsonl"
    for number in rng.choices([signal.SIGINT, signal.SIGTERM, signal.SIGKILL], k=3):
        slow = Slow(log, output, "--resume", pause=0.1).start()
        time.sleep(rng.uniform(0.5, 4.0))
        slow.process.send_signal(number)
        slow.end()
        assert not output.exists() or output.read_bytes() == undisturbed
    label_files([str(log)], output, size=SIZE, resume=True)
    assert output.read_bytes() == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.fixture
def cut_off(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashed_encoder: None
) -> Path:
    """The output of a run that ended after three shards, in this process."""
    write, written = shard.write_part, []

    def write_three(*args: object) -> object:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(args)
        return write(*args)

    with monkeypatch.context() as patch:
        patch.setattr(shard, "write_part", write_three)
        with pytest.raises(KeyboardInterrupt):
            label_files([str(log)], tmp_path / "out.jsonl", size=SIZE)
    return tmp_path / "out.jsonl"


CHANGED: dict[str, list[str]] = {
    "max_fpr": ["--max-fpr", "0.1"],
    "by": ["--by", "account"],
    "gap": ["--gap", "2h"],
    "format": ["--format", "plain"],
    "redact": ["--redact"],
}


@pytest.mark.parametrize("name", CHANGED)
def test_another_option_is_not_gone_on_with(
    name: str, cut_off: Path, log: Path, fails: Callable[..., str]
) -> None:
    message = fails("label", log, "-o", cut_off, "--resume", *CHANGED[name])
    assert f"was of another {name}" in message


def test_another_model_is_not_gone_on_with(
    cut_off: Path, log: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    save_model(replace(load_model(), card="Another."), model)
    message = fails("label", log, "-o", cut_off, "--resume", "--model", model)
    assert "was of another model" in message


def test_another_input_is_not_gone_on_with(
    cut_off: Path, log: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "log.jsonl").write_bytes(log.read_bytes())
    message = fails("label", tmp_path / "log.jsonl", "-o", cut_off, "--resume")
    assert "was of another input" in message


def test_without_resume_a_run_begins_anew_and_says_so(
    cut_off: Path, log: Path, undisturbed: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    label_files([str(log)], cut_off)
    assert "left by a run that was cut off; begun anew" in caplog.text
    assert cut_off.read_bytes() == undisturbed


def test_a_damaged_part_is_done_again(cut_off: Path, log: Path, undisturbed: bytes) -> None:
    part = min(cut_off.parent.glob(".out.jsonl.run/part-*"))
    part.write_bytes(part.read_bytes()[:-9])
    label_files([str(log)], cut_off, size=SIZE, resume=True)
    assert cut_off.read_bytes() == undisturbed


def test_a_summary_counts_what_was_done_before(cut_off: Path, log: Path) -> None:
    whole = label_files([str(log)], cut_off.with_name("whole.jsonl"))
    summary = label_files([str(log)], cut_off, size=SIZE, resume=True)
    assert (summary.counts, summary.top) == (whole.counts, whole.top)


def test_only_files_can_be_gone_on_with(
    log: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    assert "--resume without an output file" in fails("label", log, "--resume")
    output = tmp_path / "out.jsonl"
    assert "--resume of standard input" in fails("label", "-", "-o", output, "--resume", input=b"")


def test_two_runs_of_one_output_do_not_meet(log: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".out.jsonl.run"
    folder.mkdir()
    with writing(folder), pytest.raises(InputError, match=f"written to by process {os.getpid()}"):
        label_files([str(log)], tmp_path / "out.jsonl")


@pytest.mark.usefixtures("hashed_encoder")
def test_a_full_disk(log: Path, undisturbed: bytes, tmp_path: Path) -> None:
    """A limit on the size of a file: each part fits, the whole does not."""
    output = tmp_path / "out.jsonl"
    slow = Slow(log, output, pause=1.0).start()
    slow.wait_for_parts(SHARDS)
    room = len(undisturbed) - 1
    resource.prlimit(slow.process.pid, resource.RLIMIT_FSIZE, (room, room))
    code, said = slow.end()
    assert code == 2, said
    assert "cannot write: File too large" in said
    assert "10 shards are done and kept" in said
    assert not output.exists()
    assert numbers_done_by(output, log) == set()
    assert output.read_bytes() == undisturbed


def test_a_disk_too_full_for_shards(log: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    code, said = Slow(log, tmp_path / "out.jsonl").start(preexec_fn=limit).end()
    assert code == 2, said
    assert len(said.splitlines()) == 1
    assert "File too large" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_standard_output_that_is_full(log: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = Slow(log, None).command
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("capscope: cannot write: No space left on device")
    assert len(done.stderr.splitlines()) == 1


def without_root() -> None:
    """Take from root what others do not have: the right to write where permissions forbid it."""
    if os.getuid() == 0:
        assert ctypes.CDLL(None).prctl(KEEP_CAPABILITIES, WRITE_ANYWHERE, 0, 0, 0) == 0


@pytest.mark.usefixtures("hashed_encoder")
@pytest.mark.parametrize("inner", [False, True], ids=["the folder", "the run's own folder"])
def test_a_folder_that_turns_read_only(
    inner: bool, log: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    slow = Slow(log, folder / "out.jsonl", pause=0.2).start(preexec_fn=without_root)
    slow.wait_for_parts(2)
    locked = slow.folder if inner else folder
    locked.chmod(0o555)
    code, said = slow.end()
    locked.chmod(0o755)
    assert code == 2, said
    assert "cannot write: Permission denied" in said
    assert "--resume goes on" in said
    assert not (folder / "out.jsonl").exists()
    label_files([str(log)], folder / "out.jsonl", size=SIZE, resume=True)
    assert (folder / "out.jsonl").read_bytes() == undisturbed


def test_a_real_run_goes_on(few_sessions: Rows, tmp_path: Path) -> None:
    """With the encoder's own weights, and as a user would: the same command and --resume."""
    write_rows(tmp_path / "log.jsonl", few_sessions)
    output = tmp_path / "out.jsonl"
    code = (
        "import sys; from functools import partial; from capscope import classify\n"
        "classify.label_files = partial(classify.label_files, size=20)\n"
        "from capscope.cli import app; app(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "label", str(tmp_path / "log.jsonl"), "-o", str(output)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not list(tmp_path.glob(".out.jsonl.run/part-*")):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not output.exists()
    subprocess.run([*command, "--resume"], check=True, stderr=subprocess.DEVNULL)
    records = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    label_files([str(tmp_path / "log.jsonl")], tmp_path / "whole.jsonl")
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert sum(record["prompts"] for record in records) == len(few_sessions)


def test_a_disk_too_full_for_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]
) -> None:
    """What memory cannot hold spills into files, and no file may be large."""
    rng = random.Random(0)
    rows = [{"prompt": rng.randbytes(150).hex(), "session_id": f"s-{n}"} for n in range(90_000)]
    write_rows(tmp_path / "log.jsonl", rows)
    monkeypatch.setattr("capscope.data.reader.MEMORY", "48MB")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, before[1]))
    try:
        message = fails("label", tmp_path / "log.jsonl", "-o", tmp_path / "out.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot spill into" in message
    assert "File too large" in message
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]
