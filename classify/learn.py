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
from .truth import Truth


@dataclass(frozen=True, slots=True)
class Learned:
    """What sessions and long accounts teach.

    Attributes:
        short: from the sessions.
        long: from sessions and accounts together; None without accounts.
        measured: the sessions that promises rest on, out of fold.
        beside, long_beside: how many sessions and accounts no promise rests on.
    """

    short: Level
    long: Level | None
    measured: Measured
    beside: int
    long_beside: int


def learn(
    lessons: Lessons,
    sessions: NDArray[np.int64],
    long: Lessons | None = None,
    beside: NDArray[np.int64] | None = None,
    long_beside: NDArray[np.int64] | None = None,
) -> Learned:
    """Fit the classifiers of all passes on some of the sessions.

    Args:
        lessons: with the sessions.
        sessions: which of them promises rest on.
        long: long accounts, numbered as `Truth.beside` does; those of split groups that the
            sessions have not are left out.
        beside: which of them are learned from, and nothing more.
        long_beside: which of the accounts are.
    """
    every = sessions if beside is None else np.concatenate([beside, sessions])
    here = lessons.truth.take(every)
    accounts = 0
    if long:
        known = np.isin(long.truth.fold, here.fold)
        other = np.isin(np.arange(len(known)), [] if long_beside is None else long_beside)
        long = long.take(np.append(np.flatnonzero(known & other), np.flatnonzero(known & ~other)))
        accounts = int((known & ~other).sum())
    measured = lessons.measure_out_of_fold(every, long)
    of_all = measured.take(np.arange(len(every)))
    short = _level(of_all, [here], len(sessions))
    return Learned(
        short,
        _level(measured, [here, long.truth], accounts) if long else None,
        of_all.take(np.arange(len(every) - len(sessions), len(every))),
        len(every) - len(sessions),
        len(long.truth.groups) - accounts if long else 0,
    )


def _level(measured: Measured, every: list[Truth], promised: int) -> Level:
    """Fit on all sessions and accounts; the promises rest on so many of the last of them."""
    extraction, fold, source = (
        np.concatenate([getattr(each, name) for each in every])
        for name in ("extraction", "fold", "source")
    )
    passes = Passes(
        *(
            SessionClassifier(amount=True).fit(values, extraction, fold, source)
            for values in (measured.first, measured.brief, measured.whole)
        )
    )
    last = slice(len(extraction) - promised, None)
    scores = [each.out_of_fold_[last] for each in (passes.first, passes.brief, passes.whole)]
    organic = measured.whole[last][~extraction[last]]
    return Level(
        passes,
        Scores(extraction[last], *scores),
        np.quantile(organic, np.linspace(0, 1, 101), axis=0).T,
    )
