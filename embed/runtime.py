"""The one place that loads torch, sentence-transformers and FAISS, in the order that works.

FAISS loaded before torch can crash the process on macOS, where each brings its own OpenMP; so
torch comes first whenever both are needed, and whoever needs FAISS asks here for it.
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType


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


def faiss() -> ModuleType:
    """Import FAISS after torch."""
    import_module("torch")
    return import_module("faiss")
