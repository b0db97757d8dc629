"""The one place that loads torch, sentence-transformers and FAISS, in the order that works.

FAISS loaded before torch can crash the process on macOS, where each brings its own OpenMP; so
torch comes first whenever both are needed, and whoever needs FAISS asks here for it. FAISS runs
as many threads as torch, which takes one per core or what OMP_NUM_THREADS says.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def sentence_transformers() -> ModuleType:
    """Import sentence-transformers, its own progress bars and warnings switched off."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import sentence_transformers as module
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return module


@cache
def faiss() -> ModuleType:
    """Import FAISS after torch, with as many threads."""
    torch = import_module("torch")
    module = import_module("faiss")
    module.omp_set_num_threads(torch.get_num_threads())
    return module
