"""The one place that loads torch, sentence-transformers and FAISS, in the order that works.

FAISS loaded before torch can crash the process on macOS, where each brings its own OpenMP; so
torch comes first whenever both are needed, and whoever needs FAISS asks here for it. FAISS runs
as many threads as torch, which takes one per core or what OMP_NUM_THREADS says; where the two
share one OpenMP, to set either sets both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
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


def torch() -> ModuleType:
    """Import torch."""
    return import_module("torch")


@cache
def faiss() -> ModuleType:
    """Import FAISS after torch, with as many threads."""
    threads = torch().get_num_threads()
    module = import_module("faiss")
    module.omp_set_num_threads(threads)
    return module


@contextmanager
def one_thread() -> Iterator[None]:
    """Have NumPy's products run on one thread.

    Many small ones would only wait for each other's threads, and a product that several threads
    share may round otherwise than the same product on another machine.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def faiss_alone() -> Iterator[ModuleType]:
    """Yield FAISS on one thread: in small steps, more of them only wait for each other."""
    module = faiss()
    threads = module.omp_get_max_threads()
    module.omp_set_num_threads(1)
    try:
        yield module
    finally:
        module.omp_set_num_threads(threads)
