"""The groups of an index as it stands: those that are kept, or found and kept now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...data import FolderError, seal
from ...embed import Encoder
from ...index import PromptIndex
from ..model import SessionModel, model_folder
from .campaign import Campaign, find_campaigns
from .corpus import Corpus
from .judge import Judge
from .kept import Kept, keep
from .pivot import Launch
from .portrait import portray
from .ties import find_ties


def find_and_keep(
    folder: Path,
    index: PromptIndex,
    judge: Judge,
    launches: Sequence[Launch] = (),
    fresh: bool = False,
    of: str = "",
) -> tuple[list[Campaign], list[str]]:
    """Find the groups of an index and keep them in its folder; see `keep`.

    Args:
        folder: of the index.
        index: as it was opened from `folder`.
        judge: gives each group its verdict.
        launches: of models; where none is told, those that the traffic shows.
        fresh: forget what was kept.
        of: names the state of the index and the model.

    Raises:
        InputError: as `find_campaigns` and `keep`.
    """
    corpus = Corpus.of_index(index)
    ties = find_ties(corpus, launches)
    found = find_campaigns(corpus, judge, launches, ties)
    return keep(folder, found, [portray(corpus, ties, one) for one in found], fresh, of)


def state_of(folder: Path, model: Path | None) -> str:
    """Name the state of an index and of a model (None for the shipped one) by their folders."""
    return f"{seal(folder)} {seal(model_folder(model))}"


def current_groups(
    folder: Path, index: PromptIndex, encoder: Encoder, model: SessionModel, of: str
) -> Kept:
    """Return the groups of an index: those that are kept of this state, else found and kept now.

    Args:
        folder: of the index.
        index: as it was opened from `folder`.
        encoder: must be the index's and the model's.
        model: gives each group its verdict.
        of: names the state of the index and the model.

    Raises:
        InputError: the encoder is another one's, or groups cannot be kept in the folder.
    """
    index.check_encoder(encoder)
    try:
        kept = Kept.load(folder)
    except FolderError:
        kept = None
    if kept is not None and kept.of == of:
        return kept
    if not len(index.senders.coded("account_id").values):
        return Kept([], [], [], [], of)
    find_and_keep(folder, index, Judge(model, encoder), fresh=kept is None, of=of)
    return Kept.load(folder) or Kept([], [], [], [], of)
