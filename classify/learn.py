"""Levels learned from labelled sessions and long accounts, every score of them out of fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .classifier import SessionClassifier
from .features import Measured
from .lessons import Lessons
from .levels import Level
from .passes import Passes, Scores


@dataclass(frozen=True, slots=True)
class Learned:
    """What sessions and long accounts teach.

    Attributes:
        short: from the sessions.
        long: from sessions and accounts together; None without accounts.
        measured: the sessions, out of fold.
    """

    short: Level
    long: Level | None
    measured: Measured


def learn(lessons: Lessons, sessions: NDArray[np.int64], long: Lessons | None = None) -> Learned:
    """Fit the classifiers of all passes on some of the sessions.

    Args:
        lessons: with the sessions.
        sessions: which of them.
        long: long accounts, numbered as `Truth.beside` does; those of split groups that the
            sessions have not are left out.
    """
    here = lessons.take(sessions)
    if long:
        long = long.take(np.flatnonzero(np.isin(long.truth.fold, here.truth.fold)))
    measured = lessons.measure_out_of_fold(sessions, long)
    of_sessions = measured.take(np.arange(len(sessions)))
    short = _level(of_sessions, [here], here)
    return Learned(short, _level(measured, [here, long], long) if long else None, of_sessions)


def _level(measured: Measured, every: list[Lessons], of: Lessons) -> Level:
    """Fit on all lessons, one after the other; the promises rest on the last of them."""
    extraction, fold, source = (
        np.concatenate([getattr(each.truth, name) for each in every])
        for name in ("extraction", "fold", "source")
    )
    passes = Passes(
        *(
            SessionClassifier(amount=True).fit(values, extraction, fold, source)
            for values in (measured.first, measured.brief, measured.whole)
        )
    )
    last = slice(len(extraction) - len(of.truth.groups), None)
    scores = [each.out_of_fold_[last] for each in (passes.first, passes.brief, passes.whole)]
    organic = measured.whole[last][~of.truth.extraction]
    return Level(
        passes,
        Scores(of.truth.extraction, *scores),
        np.quantile(organic, np.linspace(0, 1, 101), axis=0).T,
    )
