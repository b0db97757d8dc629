"""An index on disk: segments, one switch, one writer beside readers, forgetting, damage found."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Rows, records
from hashed import ENCODER, some_rows, traffic
from typer.testing import Result

from capscope.data import FolderError, InputError, writing
from capscope.data import folder as folders
from capscope.data.manifest import read_manifest, write_manifest
from capscope.index import PromptIndex, add, build, compact, forget, nearest, open_index
from capscope.index import lists as inverted
from capscope.index import segment as segments

Run = Callable[..., Result]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def prompts_of(index: PromptIndex) -> list[str]:
    """The prompt of each row, by way of its number."""
    return list(index.prompts.take(index.rows["prompt"].combine_chunks()).to_pylist())


def check_whole(index: PromptIndex, rows: Rows) -> None:
    """The index holds these rows in this order, and each prompt with its own vector."""
    assert prompts_of(index) == [row["prompt"] for row in rows]
    assert index.rows["account_id"].to_pylist() == [row["account_id"] for row in rows]
    texts = index.prompts.to_pylist()
    assert len(texts) == len(set(texts)) == len(index)
    assert set(texts) == {row["prompt"] for row in rows}
    np.testing.assert_array_equal(index.vectors, ENCODER.encode(texts))
    for number in range(0, len(texts), 7):
        assert index.text(number) == texts[number]
        np.testing.assert_array_equal(index.vector(number), index.vectors[number])
        similarities, found = nearest(index, index.vectors[number], 1)
        assert found.tolist() == [number]
        assert similarities[0] == pytest.approx(1.0, abs=1e-5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of 100 rows in one segment."""
    add(tmp_path / "index", traffic(some_rows(100)), ENCODER)
    return tmp_path / "index"


@pytest.fixture
def every_file(tmp_path: Path) -> Path:
    """An index with every kind of file: two segments, lists, and deleted rows."""
    folder = tmp_path / "index"
    add(folder, traffic(some_rows(100)), ENCODER, "ivf")
    add(folder, traffic(some_rows(20, 100)), ENCODER)
    forget(folder, "a-3")
    return folder


def test_many_small_additions_leave_few_segments(tmp_path: Path) -> None:
    rows = some_rows(80)
    for row in rows:
        add(tmp_path / "index", traffic([row]), ENCODER)
    index = open_index(tmp_path / "index")
    assert len(index.segments) <= 8
    assert len(list((tmp_path / "index").iterdir())) <= 3 * 8 + 2
    check_whole(index, rows)


def test_one_segment_is_one_memory_map(folder: Path) -> None:
    vectors = open_index(folder).vectors
    assert vectors.shape == (85, 32)
    assert not vectors.flags.writeable
    assert not vectors.flags.owndata


def test_adding_a_little_reads_no_old_vectors(folder: Path, tmp_path: Path) -> None:
    (vectors,) = folder.glob("vectors.*")
    vectors.write_bytes(bytes(vectors.stat().st_size))
    assert add(folder, traffic(some_rows(5, 100)), ENCODER).added == 5


@pytest.mark.parametrize("search", ["flat", "ivf"])
def test_the_same_input_gives_the_same_bytes(search: str, tmp_path: Path) -> None:
    for name in ("one", "other"):
        for start in (0, 200, 100):
            add(tmp_path / name, traffic(some_rows(150, start)), ENCODER, search)
    assert content(tmp_path / "one") == content(tmp_path / "other")
    before = content(tmp_path / "one")
    assert add(tmp_path / "one", traffic(some_rows(350)), ENCODER).added == 0
    assert content(tmp_path / "one") == before


def test_the_search_is_chosen_by_size_and_can_be_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "FLAT", 50)
    folder = tmp_path / "index"

    def kinds() -> list[str]:
        return [segment.search for segment in open_index(folder).segments]

    add(folder, traffic(some_rows(100)), ENCODER)
    add(folder, traffic(some_rows(20, 100)), ENCODER)
    assert kinds() == ["ivf", "flat"]
    add(folder, traffic(some_rows(20, 100)), ENCODER, "flat")
    assert kinds() == ["flat"]
    add(folder, traffic(some_rows(20, 120)), ENCODER)
    assert kinds() == ["flat", "flat"]
    check_whole(open_index(folder), some_rows(140))


def test_a_reader_keeps_what_it_opened(folder: Path, tmp_path: Path) -> None:
    early, untouched = open_index(folder), open_index(folder)
    assert len(early.rows) == 100
    add(folder, traffic(some_rows(150, 100)), ENCODER)
    forget(folder, "a-0")
    compact(folder)
    for index in (early, untouched):
        check_whole(index, some_rows(100))


def test_a_reader_that_a_writer_overtakes_opens_the_new_state(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def overtaken(*args: object) -> object:
        manifest = read_manifest(*args)  # type: ignore[arg-type]
        if not calls:
            calls.append(1)
            add(folder, traffic(some_rows(150, 100)), ENCODER)
        return manifest

    monkeypatch.setattr(folders, "read_manifest", overtaken)
    assert len(open_index(folder).rows) == 250


def test_readers_beside_a_writer_see_whole_states(folder: Path, tmp_path: Path) -> None:
    starts = range(100, 400, 10)
    batches = [traffic(some_rows(10, start)) for start in starts]
    writer = threading.Thread(target=lambda: [add(folder, batch, ENCODER) for batch in batches])
    writer.start()
    seen = set()
    while writer.is_alive():
        index = open_index(folder)
        check_whole(index, some_rows(len(index.rows)))
        seen.add(len(index.rows))
    writer.join()
    assert len(seen) > 2
    check_whole(open_index(folder), some_rows(400))


def test_a_file_that_a_writer_removes_just_before_it_is_opened_is_no_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_open = os.open
    turns = iter([traffic(some_rows(200, 100))])

    def open_late(path: Path, flags: int, mode: int = 0o777, **how: int | None) -> int:
        if Path(path).name.startswith("vectors") and (batch := next(turns, None)) is not None:
            add(folder, batch, ENCODER)
            assert not Path(path).exists()
        return really_open(path, flags, mode, **how)

    monkeypatch.setattr(os, "open", open_late)
    check_whole(open_index(folder), some_rows(300))
    assert next(turns, None) is None


def test_a_second_writer_is_told_who_writes(folder: Path, tmp_path: Path) -> None:
    before = content(folder)
    with writing(folder):
        for change in (
            lambda: add(folder, traffic(some_rows(1)), ENCODER),
            lambda: forget(folder, "a-0"),
            lambda: compact(folder),
        ):
            with pytest.raises(InputError, match=rf"process {os.getpid()} on \S+ since 20.*Z"):
                change()
        assert len(open_index(folder).rows) == 100
    assert content(folder) == before


HOLD = """
import sys, time
from pathlib import Path
from capscope.data import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_no_lock(folder: Path, tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=f"process {child.pid} on "):
            forget(folder, "a-0")
        child.send_signal(signal.SIGKILL)
    assert forget(folder, "a-0").forgotten == 25


ADD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from hashed import ENCODER, some_rows, traffic
from capscope.index import add
folder, start = Path(sys.argv[2]), int(sys.argv[3])
while True:
    add(folder / "index", traffic(some_rows(50, start)), ENCODER)
    start += 50
    print(start, flush=True)
"""


def test_a_kill_at_any_moment_loses_nothing_committed(tmp_path: Path) -> None:
    pauses = np.random.default_rng(0).uniform(0, 0.2, size=5)
    start = 0
    for pause in pauses:
        command = [sys.executable, "-c", ADD, str(Path(__file__).parent), str(tmp_path), str(start)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            told = int(child.stdout.readline())
            time.sleep(pause)
            child.send_signal(signal.SIGKILL)
            told = max([told, *map(int, child.stdout.read().split())])
        index = open_index(tmp_path / "index")
        assert len(index.rows) in (told, told + 50)
        start = len(index.rows)
        check_whole(index, some_rows(start))


def test_what_a_killed_writer_left_is_swept_away(folder: Path, tmp_path: Path) -> None:
    for place in (folder, tmp_path / "new"):
        (place / ".building-x").mkdir(parents=True)
        (place / ".building-x" / "vectors.npy").touch()
        (place / "vectors.0123456789ab.npy").touch()
        (place / ".manifest.json.x1").touch()
        add(place, traffic(some_rows(40, 100)), ENCODER)
        stored = {entry.file for entry in read_manifest(place).entries.values()}
        assert set(content(place)) == stored | {"manifest.json", ".lock"}


def kept(rows: Rows, gone: Callable[[dict[str, str]], bool]) -> Rows:
    return [row for row in rows if not gone(row)]


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("account", "before", "gone"),
    [
        ("a-3", None, lambda row: row["account_id"] == "a-3"),
        (None, NOON, lambda row: row["timestamp"] < "2026-01-02T12:00:00Z"),
        ("a-3", NOON, lambda r: r["account_id"] == "a-3" and r["timestamp"] < "2026-01-02T12"),
        ("nobody", None, lambda row: False),
    ],
)
def test_forgotten_rows_are_gone_at_once_and_stay_gone(
    account: str | None,
    before: datetime | None,
    gone: Callable[[dict[str, str]], bool],
    tmp_path: Path,
) -> None:
    folder, rows = tmp_path / "index", some_rows(120)
    add(folder, traffic(rows[:100]), ENCODER)
    add(folder, traffic(rows[100:]), ENCODER)
    left = kept(rows, gone)
    done = forget(folder, account, before)
    assert (done.forgotten, done.total) == (120 - len(left), len(left))
    check_whole(open_index(folder), left)
    assert forget(folder, account, before).forgotten == 0
    more = some_rows(200, 120)
    add(folder, traffic(more), ENCODER)
    check_whole(open_index(folder), left + more)
    assert compact(folder) == 120 - len(left)
    assert len(open_index(folder).segments) == 1
    check_whole(open_index(folder), left + more)
    state = content(folder)
    assert compact(folder) == 0
    assert content(folder) == state


def test_compacting_takes_the_text_off_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    rows = some_rows(60)
    rows[7] |= {"prompt": "my secret", "account_id": "mallory"}
    rows[9] |= {"prompt": "shared words", "account_id": "mallory"}
    add(folder, traffic([*rows, rows[9] | {"account_id": "a-0"}]), ENCODER)
    forget(folder, "mallory")
    assert "my secret" not in open_index(folder).prompts.to_pylist()
    assert b"my secret" in every_byte(folder)
    compact(folder)
    bytes_left = every_byte(folder)
    assert b"my secret" not in bytes_left
    assert b"mallory" not in bytes_left
    assert b"shared words" in bytes_left


def test_a_compaction_killed_before_it_swept_is_ended_by_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(folder: Path) -> None:
        raise KeyboardInterrupt

    forget(folder, "a-3")
    monkeypatch.setattr(folders, "sweep", kill)
    with pytest.raises(KeyboardInterrupt):
        compact(folder)
    monkeypatch.undo()
    assert len(list(folder.glob("prompts.*"))) == 2
    assert compact(folder) == 0
    assert len(list(folder.glob("prompts.*"))) == 1


def every_byte(folder: Path) -> bytes:
    """All files as they are, and what compressed ones hold."""
    tables = [pq.read_table(path).to_pylist() for path in folder.glob("*.parquet")]
    return b"".join(content(folder).values()) + repr(tables).encode()


def test_what_was_forgotten_can_be_added_again(folder: Path, tmp_path: Path) -> None:
    forget(folder, "a-3")
    assert add(folder, traffic(some_rows(100)), ENCODER).added == 25
    index = open_index(folder)
    assert sorted(prompts_of(index)) == sorted(row["prompt"] for row in some_rows(100))
    assert index.vectors.shape == (85, 32)
    assert sum(segment.prompts for segment in index.segments) == 85


def test_an_index_can_be_emptied(folder: Path, tmp_path: Path) -> None:
    forget(folder, before=datetime(2030, 1, 1, tzinfo=UTC))
    for _ in range(2):
        index = open_index(folder)
        assert (len(index), len(index.rows), index.vectors.shape) == (0, 0, (0, 32))
        assert len(nearest(index, ENCODER.encode(["x"])[0], 5)[1]) == 0
        compact(folder)
    add(folder, traffic(some_rows(30)), ENCODER)
    check_whole(open_index(folder), some_rows(30))


def test_forget_and_compact_on_the_command_line(
    run: Run, fails: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    assert "an account or a time" in fails("forget", "--index", folder)
    assert "does not exist" in fails("forget", "--index", tmp_path / "none", "--account", "a-3")
    assert "does not exist" in fails("compact", "--index", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    said = run("forget", "--index", folder, "--account", "a-3", "--before", "2026-01-03")
    assert said.exit_code == 0
    assert "12 prompts forgotten, 88 left" in said.stderr
    assert "12 forgotten prompts removed" in run("compact", "--index", folder).stderr


def use(folder: Path) -> None:
    """Touch everything that an index serves."""
    index = open_index(folder)
    assert len(index.rows) + len(index.prompts) + len(index.vectors)
    nearest(index, ENCODER.encode(["x"])[0], 3)


def damaged(folder: Path, tmp_path: Path, places: Callable[[int], Iterator[int]]) -> Iterator[str]:
    """Flip a byte of a copy, and back again, yielding the file's name in between."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for path in sorted(copy.glob("*.*.*")) + [copy / "manifest.json"]:
        whole = path.read_bytes()
        for place in places(len(whole)):
            changed = bytearray(whole)
            changed[place] ^= 1
            path.write_bytes(changed)
            yield path.name
        path.write_bytes(whole)
    use(copy)


def test_a_flipped_byte_in_any_file_is_found_and_named(
    every_file: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments, "SCANNED", 0)
    names = set()
    for name in damaged(every_file, tmp_path, lambda size: iter((0, size // 2, size - 1))):
        names.add(name.split(".")[0])
        with pytest.raises(FolderError, match=name.split(".")[0]):
            use(tmp_path / "copy")
        assert name.split(".")[0] in fails("info", tmp_path / "copy", "--verify")
    assert names == {"deleted", "lists", "manifest", "prompts", "rows", "vectors"}


def test_no_byte_of_the_manifest_can_change(folder: Path) -> None:
    path = folder / "manifest.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(FolderError):
            read_manifest(folder, ("capscope index", 2))


def test_a_missing_or_shortened_file_is_found_at_opening(every_file: Path) -> None:
    for path in sorted(every_file.glob("*.*.*")):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        with pytest.raises(FolderError, match=f"{path.name} was changed"):
            open_index(every_file)
        path.unlink()
        with pytest.raises(FolderError, match=f"lacks its file {path.name}"):
            open_index(every_file)
        path.write_bytes(whole)
    use(every_file)


def test_another_layout_is_refused_by_its_number(
    fails: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    found = read_manifest(folder)
    write_manifest(folder, found.kind, 1, found.about, found.entries)
    message = "is a capscope index, layout 1; expected a capscope index, layout 2"
    assert message in fails("similar", "x", "--index", folder)
    with pytest.raises(FolderError, match=message):
        add(folder, traffic(some_rows(1)), ENCODER)


def test_info_says_what_an_index_is(run: Run, every_file: Path) -> None:
    (said,) = records(run("info", every_file, "--verify"))
    assert (said["kind"], said["layout"]) == ("capscope index", 2)
    assert (said["prompts"], said["rows"], said["deleted"]) == (78, 90, 30)
    assert said["encoder"] == "hashed"
    assert [segment["search"] for segment in said["segments"]] == ["ivf", "ivf"]
    assert said["bytes"] == sum(said["files"].values())
    assert said["whole"] is True
    assert "whole" not in records(run("info", every_file))[0]


def test_info_says_what_a_model_is(run: Run, fails: Callable[..., str], tmp_path: Path) -> None:
    shipped = Path(folders.__file__).parents[1] / "classify" / "models" / "default"
    (said,) = records(run("info", shipped, "--verify"))
    assert (said["kind"], said["whole"]) == ("capscope model", True)
    assert "card.md" in said["files"]
    shutil.copytree(shipped, tmp_path / "model")
    for name in ("head", "words"):
        (path,) = (tmp_path / "model").glob(f"{name}.*.npy")
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    message = fails("info", tmp_path / "model", "--verify")
    assert "head." in message
    assert "words." in message
    assert "no readable manifest.json" in fails("info", tmp_path)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> PromptIndex:
    """Inverted lists over 3,000 prompts."""
    folder = tmp_path_factory.mktemp("lists")
    rows: Rows = [{"prompt": f"number {n}", "account_id": f"a-{n % 10}"} for n in range(3000)]
    add(folder / "index", traffic(rows), ENCODER, "ivf")
    return open_index(folder / "index")


@pytest.mark.parametrize(
    ("scanned", "probes", "expected"), [(0, 54, 0.99), (0, 30, 0.9), (20_000, 30, 0.9)]
)
@pytest.mark.parametrize("among", [None, 2, 10])
def test_lists_find_what_a_scan_finds_with_exact_similarities(
    among: int | None,
    scanned: int,
    probes: int,
    expected: float,
    lists: PromptIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments, "SCANNED", scanned)
    monkeypatch.setattr(inverted, "PROBES", probes)
    monkeypatch.setattr(inverted, "PROBED", 0)
    allowed = np.arange(0, 3000, among or 1)
    hits = 0
    for vector in ENCODER.encode([f"query {n}" for n in range(40)]):
        exact = lists.vectors[allowed] @ vector
        best = allowed[np.argsort(-exact)[:10]]
        similarities, numbers = nearest(lists, vector, 10, None if among is None else allowed)
        assert set(numbers.tolist()) <= set(allowed.tolist())
        np.testing.assert_allclose(similarities, lists.vectors[numbers] @ vector, atol=1e-5)
        assert np.all(np.diff(similarities) <= 0)
        hits += len(np.intersect1d(best, numbers))
    assert hits / 400 >= expected


@pytest.mark.parametrize("scanned", [0, 20_000])
def test_lists_return_all_there_is_and_no_more(
    scanned: int, lists: PromptIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SCANNED", scanned)
    vector = ENCODER.encode(["x"])[0]
    assert sorted(nearest(lists, vector, 9999)[1].tolist()) == list(range(3000))
    few = np.array([5, 17, 2999])
    assert sorted(nearest(lists, vector, 10, few)[1].tolist()) == few.tolist()
    assert len(nearest(lists, vector, 10, few[:0])[1]) == 0


def test_one_place_settles_threads() -> None:
    code = (
        "from capscope.embed.runtime import faiss, faiss_alone; library = faiss();"
        "import torch; print(library.omp_get_max_threads(), torch.get_num_threads())\n"
        "with faiss_alone(): print(library.omp_get_max_threads())\n"
        "print(library.omp_get_max_threads(), torch.get_num_threads())"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    said = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert said.split() == ["2", "2", "1", "2", "2"]
