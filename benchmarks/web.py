"""The analyst's page over 200,000 prompts: its first page, searches, and 50 readers for a minute.

Prompts are those of the shipped sample, over and over with a number, and their vectors with small
noise; queries are embedded by the real encoder. The server is `capscope serve` in a process of its
own; verdicts are judged beside it. While the readers read, another process adds to the index.
Readers ask one page after the other, and look at each for a second. Only 127.0.0.1 is asked.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from capscope.data import SCHEMA, Skipped, Traffic, read_traffic
from capscope.embed import Encoder, embed, open_encoder
from capscope.index import add

OUT = Path("out/web")
SAMPLE = "data/samples/traffic.jsonl"
NOISE = 0.3
PROMPTS_A_SESSION, SESSIONS_AN_ACCOUNT = 12, 8
READERS, SECONDS, LOOKS = 50, 60.0, 1.0
ADDED = 500
SEARCHES = 200
QUERIES = (
    "compose one fresh problem and solve it fully",
    "grade this answer against the rubric",
    "what does this error mean",
    "a birthday poem for my sister",
    "write the function and its tests",
    "which of the two is better and why",
)


class Noisy:
    """The encoder of an index whose vectors are those of the sample with noise."""

    def __init__(self, encoder: Encoder, base: NDArray[np.float32]) -> None:
        """Stand for `encoder`, with the sample's vectors (n, dimension)."""
        self.fingerprint, self.dimension = encoder.fingerprint, encoder.dimension
        self._base = base

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a vector near that of the prompt whose number a text ends with."""
        numbers = np.array([int(text.rpartition(" #")[2]) for text in texts])
        rng = np.random.default_rng(numbers[0])
        noise = rng.standard_normal((len(texts), self.dimension)).astype(np.float32)
        vectors = self._base[numbers % len(self._base)]
        vectors = vectors + NOISE * noise / np.linalg.norm(noise, axis=1, keepdims=True)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def traffic(texts: Sequence[str], first: int, count: int) -> Traffic:
    """Return rows of prompts, sessions one after the other."""
    number = np.arange(first, first + count)
    session = number // PROMPTS_A_SESSION
    table = {
        "prompt": [f"{texts[n % len(texts)]} #{n}" for n in number.tolist()],
        "session_id": [f"s-{n}" for n in session],
        "account_id": [f"a-{n // SESSIONS_AN_ACCOUNT}" for n in session],
        "timestamp": pa.array(1_772_352_000_000_000 + number * 5_000_000).cast(
            SCHEMA.field("timestamp").type
        ),
        "model": [f"m-{n % 3}" for n in session],
        "prompt_chars": [100] * count,
    }
    arrays = [
        pa.array(table[field.name], field.type)
        if field.name in table
        else pa.nulls(count, field.type)
        for field in SCHEMA
    ]
    return Traffic(pa.table(arrays, schema=SCHEMA), Skipped())


def main() -> None:
    """Make the index, serve it, ask, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200_000)
    parser.add_argument("--judged", action="store_true", help="Wait until all is judged.")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    embedded = embed(read_traffic([SAMPLE]).table["prompt"], open_encoder())
    texts, encoder = embedded.texts.to_pylist(), Noisy(open_encoder(), embedded.rows)
    start = time.perf_counter()
    add(OUT / "index", traffic(texts, 0, options.prompts), encoder)
    say(f"{options.prompts:,} prompts indexed in {time.perf_counter() - start:.0f} s")
    start = time.perf_counter()
    command = [sys.executable, "-m", "capscope.cli", "serve", "--index", str(OUT / "index")]
    with subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        port = int(server.stderr.readline().rpartition(":")[2].partition("/")[0])
        threading.Thread(target=server.stderr.read, daemon=True).start()
        try:
            say(f"listening after {time.perf_counter() - start:.1f} s")
            say(f"first page: {asked(port, '/') * 1000:.0f} ms")
            say(f"first search, with the encoder: {asked(port, search(0)):.1f} s")
            if options.judged:
                say(f"all judged after {judged(port):.0f} s")
            measure(port)
            read_while_adding(port, texts, encoder, options.prompts)
        finally:
            server.terminate()


def measure(port: int) -> None:
    """Ask each page alone, once warm."""
    filters = ("", "&verdict=extraction", "&area=coding", "&model=m-1", "&since=2026-03-05")
    sessions = json.loads(got(port, "/api/sessions?size=100"))["sessions"]
    pages = {
        "overview": ["/"] * 50,
        "search": [search(n) for n in range(SEARCHES)],
        "search, filtered": [search(n) + filters[n % len(filters)] for n in range(SEARCHES)],
        "list of sessions": [f"/sessions?page={n}" for n in range(1, 51)],
        "a session": [f"/sessions/{one['key']}" for one in sessions[:50]],
        "queue": ["/review"] * 50,
    }
    for name, paths in pages.items():
        took = [asked(port, path) for path in paths[:2] + paths][2:]
        say(f"{name}: {told(took)}")


def read_while_adding(port: int, texts: Sequence[str], encoder: Noisy, held: int) -> None:
    """Let 50 readers read for a minute while another process adds."""
    sessions = json.loads(got(port, "/api/sessions?size=100"))["sessions"]
    places = ["/", search(1), search(3), "/sessions?page=3", "/review", "/api/status"]
    places += [f"/sessions/{one['key']}" for one in sessions[:20]]
    took: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    end = time.monotonic() + SECONDS

    def reader(number: int) -> None:
        rng = random.Random(number)
        time.sleep(rng.random() * LOOKS)
        while time.monotonic() < end:
            place = rng.choice(places)
            try:
                took[place.split("/")[1].partition("?")[0]].append(asked(port, place))
            except (OSError, http.client.HTTPException) as error:
                errors.append(f"{place}: {error!r}")
            time.sleep(LOOKS)

    adding = multiprocessing.get_context("fork").Process(
        target=keep_adding, args=(texts, encoder, held, end)
    )
    adding.start()
    readers = [threading.Thread(target=reader, args=(n,)) for n in range(READERS)]
    for thread in readers:
        thread.start()
    for thread in readers:
        thread.join()
    adding.join()
    every = [one for some in took.values() for one in some]
    now = json.loads(got(port, "/api/status"))["prompts"]
    say(f"{READERS} readers for {SECONDS:.0f} s while {now - held:,} prompts were added: "
        f"{len(every):,} answers, {len(errors)} errors, {told(every)}")  # fmt: skip
    for error in errors[:5]:
        say(error)


def keep_adding(texts: Sequence[str], encoder: Noisy, held: int, end: float) -> None:
    """Add a few prompts every five seconds."""
    while time.monotonic() < end:
        add(OUT / "index", traffic(texts, held, ADDED), encoder)
        held += ADDED
        time.sleep(5.0)


def judged(port: int) -> float:
    """Wait until every session has a verdict."""
    start = time.perf_counter()
    while True:
        status = json.loads(got(port, "/api/status"))
        if status["judged"] == status["sessions"] and status["work"] is None:
            return time.perf_counter() - start
        time.sleep(2.0)


def search(number: int) -> str:
    """Return the path of a search that was not asked before."""
    return "/search?q=" + quote(f"{QUERIES[number % len(QUERIES)]} {number}")


def got(port: int, path: str) -> bytes:
    """Return what the server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise http.client.HTTPException(f"{answer.status} {body[:200]!r}")
    return body


def asked(port: int, path: str) -> float:
    """Return the seconds that an answer takes."""
    start = time.perf_counter()
    got(port, path)
    return time.perf_counter() - start


def told(took: Sequence[float]) -> str:
    """Say the median and the 99th percentile."""
    low, high = np.quantile(took, [0.5, 0.99]) * 1000
    return f"median {low:.0f} ms, 99th percentile {high:.0f} ms"


def say(message: str) -> None:
    """Print at once."""
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
