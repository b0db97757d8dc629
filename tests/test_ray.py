"""`label --engine ray` on a real cluster of this machine: the same bytes, whatever dies."""

import ast
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_architecture import FILES

from capscope.classify import label_files
from capscope.classify.on_ray import cluster

SIZE = 10


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """One cluster for the tests of this file; a run finds it and leaves it alone."""
    with cluster() as ray:
        yield ray


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def expected(few_file: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("local") / "out.jsonl"
    label_files([str(few_file)], path, cache=cache)
    return path.read_bytes()


def actors() -> list[int]:
    """The processes of the pool's actors, as the system names them."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and b"ray::MapWorker" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_a_cluster_gives_the_same_bytes_though_a_worker_dies(
    ray: Any, few_file: Path, expected: bytes, cache: Path, tmp_path: Path
) -> None:
    """The vectors are kept, so that what is waited for is the cluster and not the encoder."""
    output = tmp_path / "out.jsonl"
    killed: list[int] = []

    def kill() -> None:
        """Kill an actor when the first part is done."""
        until = time.monotonic() + 120
        while not list(tmp_path.glob(".out.jsonl.run/part-*")) and time.monotonic() < until:
            time.sleep(0.01)
        killed.extend(actors()[:1])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    summary = label_files([str(few_file)], output, engine="ray", size=SIZE, cache=cache)
    killer.join()
    assert killed
    assert sum(summary.counts.values()) == 12
    assert output.read_bytes() == expected


def test_what_one_engine_has_done_the_other_goes_on_with(
    ray: Any, few_file: Path, expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from capscope.classify import engines

    def one(*args: Any) -> Iterator[Any]:
        yield next(here(*args))
        raise KeyboardInterrupt

    output = tmp_path / "out.jsonl"
    here = engines.label_here
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(engines, "label_here", one)
        label_files([str(few_file)], output, size=60)
    assert len(list(tmp_path.glob(".out.jsonl.run/part-*"))) == 1
    label_files([str(few_file)], output, engine="ray", size=60, resume=True)
    assert output.read_bytes() == expected


def test_nothing_is_sent_anywhere(ray: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray._common.usage.usage_lib import usage_stats_enabled
    assert not usage_stats_enabled()
    assert ray._private.worker._global_node.webui_url in (None, "")


def test_without_ray_the_install_command_is_told(
    fails: Callable[..., str], few_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capscope.classify.on_ray.find_spec", lambda name: None)
    assert "pip install 'capscope[ray]'" in fails("label", few_file, "--engine", "ray")


def imports_of(path: Path) -> set[str]:
    """The packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_one_module_knows_ray() -> None:
    knowing = [path for path in [*FILES, ROOT / "cli.py"] if "ray" in imports_of(path)]
    assert knowing == [ROOT / "classify" / "on_ray.py"]
