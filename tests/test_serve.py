"""`capscope serve` as people start it: where it listens, who may ask, what goes on beside it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from conftest import ROOT

from capscope.classify import model_folder
from capscope.data import read_traffic
from capscope.embed import SentenceEncoder
from capscope.index import add

Fails = Callable[..., str]


@contextmanager
def started(*args: object) -> Iterator[tuple[subprocess.Popen[str], str, list[str]]]:
    """Run the command; yield the process, where it listens, and what it said."""
    command = [sys.executable, "-m", "capscope.cli", "serve", *map(str, args)]
    paths = os.pathsep.join([str(ROOT / ".dev"), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": paths}
    ) as process:
        assert process.stderr is not None
        said: list[str] = []
        try:
            while not said or not said[-1].startswith("http://"):
                said.append(process.stderr.readline())
                assert said[-1], said
            yield process, said[-1].split()[0], said
        finally:
            process.kill()


def test_it_judges_beside_the_pages_and_ends_when_it_is_told(
    few_file: Path, encoder: SentenceEncoder, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    add(folder, read_traffic([str(few_file)]), encoder)
    with started("--index", folder, "--port", 0) as (process, where, _):
        seen = [status(where)]
        assert seen[0]["sessions"] == 12
        end = monotonic() + 120
        while seen[-1]["work"] or not seen[-1]["judged"]:
            assert monotonic() < end
            sleep(0.01)
            seen.append(status(where))
        assert seen[0]["judged"] == 0
        work = [one["work"] for one in seen if one["work"]]
        assert list(dict.fromkeys(one["task"] for one in work)) == ["verdicts", "groups", "map"]
        assert {"task": "verdicts", "done": 0, "total": 12} in work
        assert seen[-1]["judged"] == 12
        with urlopen(where) as answer:
            assert "server" not in {name.lower() for name in answer.headers}
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130, -signal.SIGINT)
    for name in ("verdicts", "campaigns", "clusters", "map"):
        assert (folder / name / "manifest.json").exists(), name


def status(where: str) -> Any:
    with urlopen(f"{where}api/status") as answer:
        return json.load(answer)


def test_an_address_that_others_reach_takes_a_token(judged_index: Path) -> None:
    with started("--index", judged_index, "--host", "0.0.0.0", "--port", 0) as (_, where, said):
        told = re.search(r"The token is (\S{43})", "".join(said))
        assert told is not None
        local = where.replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{local}api/status")
        assert refused.value.code == 401
        refused.value.close()
        request = Request(f"{local}api/status", headers={"Authorization": f"Bearer {told[1]}"})
        with urlopen(request) as answer:
            assert json.load(answer)["sessions"] == 300


def test_mistakes_are_told_before_anything_is_served(
    fails: Fails, judged_index: Path, tmp_path: Path
) -> None:
    assert "does not exist" in fails("serve", "--index", tmp_path / "none")
    assert "capscope model" in fails("serve", "--index", model_folder(None))
    (tmp_path / "token").write_text("short\n")
    short = fails("serve", "--index", judged_index, "--token-file", tmp_path / "token")
    assert "5 characters" in short
    assert "cannot be read" in fails("serve", "--index", judged_index, "--token-file", tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "uvicorn", None)
        assert "pip install 'capscope[web]'" in fails("serve", "--index", judged_index)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in fails("serve", "--index", judged_index, "--port", port)
