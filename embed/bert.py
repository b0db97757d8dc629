"""BERT with mean pooling over packed tokens: texts lie end to end, so nothing is padding.

Only texts of exactly the same length share a call of attention, so no mask is needed and a text's
vector does not depend on its neighbours: on the processors where this was tried it is the same to
the last bit in every batch, and so whatever a cache held.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .batches import batches, runs
from .runtime import torch
from .weights import FILE

if TYPE_CHECKING:
    from torch import Tensor

BUDGET = {"cpu": 1024, "cuda": 32_768, "mps": 8192}
"""Tokens per batch by device."""

FLOOR = 64
"""Tokens that a batch is brought to: products of fewer than 12 rows round otherwise (MKL)."""

Precision = Literal["float32", "bfloat16"]

MODULES = ["Transformer", "Pooling", "Normalize"]


@dataclass(frozen=True, slots=True)
class BertShape:
    """What a folder's JSON says of a model that this module can run.

    Attributes:
        limit: tokens of a text that are read, the two marks included.
        dimension: the length of a vector.
        heads: attention heads of a layer.
        layers: how many.
        epsilon: of the layer norms.
    """

    limit: int
    dimension: int
    heads: int
    layers: int
    epsilon: float


def read_shape(folder: Path) -> BertShape | None:
    """Read a sentence-transformers folder; None where it is not BERT with mean pooling."""
    try:
        modules = _json(folder / "modules.json")
        pooling = _json(folder / modules[1]["path"] / "config.json")
        text, model = _json(folder / "sentence_bert_config.json"), _json(folder / "config.json")
        ours = (
            [module["type"].rsplit(".", 1)[1] for module in modules] == MODULES
            and [name for name, value in pooling.items() if value is True]
            == ["pooling_mode_mean_tokens"]
            and (model["model_type"], model["hidden_act"]) == ("bert", "gelu")
            and model.get("position_embedding_type", "absolute") == "absolute"
            and not text["do_lower_case"]
            and (folder / "tokenizer.json").is_file()
        )
        return (
            BertShape(
                int(text["max_seq_length"]),
                int(model["hidden_size"]),
                int(model["num_attention_heads"]),
                int(model["num_hidden_layers"]),
                float(model["layer_norm_eps"]),
            )
            if ours
            else None
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


class Bert:
    """A BERT model in memory, on CUDA or MPS where torch finds them, else the CPU.

    In bfloat16 the products are so, which the linear layers and attention are made of; sums, norms
    and means stay float32.
    """

    def __init__(self, folder: Path, shape: BertShape, precision: Precision) -> None:
        """Load the weights and the tokenizer from `folder`.

        Raises:
            OSError, ValueError, KeyError, SafetensorError: they are not whole, or do not fit.
        """
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._torch = torch()
        self._shape = shape
        self._device = device()
        self._type = getattr(self._torch, precision)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(shape.limit)
        arrays = {
            name.removeprefix("bert."): array.astype(np.float32, copy=False)
            for name, array in load_file(folder / FILE).items()
        }

        def pair(*names: str) -> tuple[Tensor, Tensor]:
            weight, bias = (
                self._tensor(np.concatenate([arrays[f"{name}.{part}"] for name in names]))
                for part in ("weight", "bias")
            )
            return weight, bias

        def linear(*names: str) -> tuple[Tensor, Tensor]:
            weight, bias = pair(*names)
            return weight.to(self._type), bias.to(self._type)

        self._words = self._tensor(arrays["embeddings.word_embeddings.weight"])
        types = arrays["embeddings.token_type_embeddings.weight"]
        self._types = self._tensor(types[0])
        self._positions = self._tensor(arrays["embeddings.position_embeddings.weight"])
        self._first = pair("embeddings.LayerNorm")
        self._layers = []
        for number in range(shape.layers):
            at = f"encoder.layer.{number}"
            heads = [f"{at}.attention.self.{name}" for name in ("query", "key", "value")]
            self._layers.append(
                (
                    linear(*heads),
                    linear(f"{at}.attention.output.dense"),
                    pair(f"{at}.attention.output.LayerNorm"),
                    linear(f"{at}.intermediate.dense"),
                    linear(f"{at}.output.dense"),
                    pair(f"{at}.output.LayerNorm"),
                )
            )

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector per text (len(texts), dimension) float32."""
        tokens = [
            np.array(encoded.ids, dtype=np.int64)
            for encoded in self._tokenizer.encode_batch_fast(list(texts))
        ]
        lengths = np.array([len(ids) for ids in tokens], dtype=np.int64)
        rows = np.empty((len(texts), self._shape.dimension), dtype=np.float32)
        with self._torch.inference_mode():
            for batch in batches(lengths, BUDGET[self._device]):
                packed = np.concatenate([tokens[text] for text in batch])
                same = runs(lengths[batch])
                if len(packed) < FLOOR:
                    packed = np.append(packed, np.zeros(FLOOR, dtype=np.int64))
                    same.append((1, FLOOR))
                rows[batch] = self._forward(packed, same)[: len(batch)].cpu().numpy()
        return rows

    def _forward(self, packed: NDArray[np.int64], same: list[tuple[int, int]]) -> Tensor:
        """Return the unit vectors (texts, dimension) of texts that lie end to end (tokens,)."""
        f = self._torch.nn.functional
        size = (self._shape.dimension,)
        places = np.concatenate([np.tile(np.arange(length), times) for times, length in same])

        def norm(x: Tensor, pair: tuple[Tensor, Tensor]) -> Any:  # noqa: ANN401
            return f.layer_norm(x, size, *pair, self._shape.epsilon)

        x = self._words[self._tensor(packed)] + self._types + self._positions[self._tensor(places)]
        x = norm(x, self._first)
        for qkv, mixed, mixed_norm, wide, narrow, narrow_norm in self._layers:
            asked = f.linear(x.to(self._type), *qkv)
            x = norm(f.linear(self._attend(asked, same), *mixed) + x, mixed_norm)
            spread = f.gelu(f.linear(x.to(self._type), *wide))
            x = norm(f.linear(spread, *narrow) + x, narrow_norm)
        ends = x.split([times * length for times, length in same])
        means = [
            part.view(times, length, -1).mean(1)
            for part, (times, length) in zip(ends, same, strict=True)
        ]
        return f.normalize(self._torch.cat(means))  # type: ignore[no-any-return]

    def _attend(self, qkv: Any, same: list[tuple[int, int]]) -> Any:  # noqa: ANN401
        """Return what each token gathers from its own text: (tokens, 3 d) to (tokens, d)."""
        attention = self._torch.nn.functional.scaled_dot_product_attention
        parts = qkv.split([times * length for times, length in same])
        gathered = []
        for part, (times, length) in zip(parts, same, strict=True):
            q, k, v = part.view(times, length, 3, self._shape.heads, -1).permute(2, 0, 3, 1, 4)
            gathered.append(attention(q, k, v).transpose(1, 2).reshape(times * length, -1))
        return self._torch.cat(gathered)

    def _tensor(self, array: NDArray[Any]) -> Tensor:
        return self._torch.from_numpy(array).to(self._device)  # type: ignore[no-any-return]


def device() -> str:
    """Name where torch can compute fastest."""
    found = torch()
    if found.cuda.is_available():
        return "cuda"
    return "mps" if found.backends.mps.is_available() else "cpu"


def fastest() -> Precision:
    """Name the precision in which the machine multiplies fastest."""
    found = torch()
    where = device()
    if where == "cuda":
        has = bool(found.cuda.is_bf16_supported(including_emulation=False))
    else:
        told = getattr(found.cpu, "get_capabilities", dict)  # of torch 2.9 and later
        able: dict[str, bool] = told() if where == "cpu" else {}
        has = bool(able.get("avx512_bf16") or able.get("amx_bf16"))
    return "bfloat16" if has else "float32"


def _json(path: Path) -> Any:  # noqa: ANN401
    return json.loads(path.read_text(encoding="utf-8"))
