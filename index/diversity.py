"""How many kinds a group of prompts meets, at the same number of prompts for every group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import hypergeom

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rarefied:
    """What groups would show if fewer of their prompts had been seen.

    Attributes:
        prompts: the number of prompts that the group is brought to (groups,) int64.
        richness: expected number of kinds, Hill's 0D (groups,) float64.
        entropy: expected Shannon entropy in nats; Hill's 1D is its exponential (groups,) float64.
        simpson: Hill's 2D, by the expected shares' squares (groups,) float64.
        novelty: the chance that one prompt more opens a new kind (groups,) float64.
    """

    prompts: NDArray[np.int64]
    richness: Floats
    entropy: Floats
    simpson: Floats
    novelty: Floats

    @property
    def hill(self) -> Floats:
        """Hill numbers of order 0, 1 and 2 (groups, 3) float64 (Hill 1973; Jost 2006)."""
        return np.stack([self.richness, np.exp(self.entropy), self.simpson], axis=1)


def rarefy(counts: csr_array, prompts: int) -> Rarefied:
    """Bring every group to `prompts` of its prompts, drawn without replacement.

    The expectations are exact, by the hypergeometric chance that k of them are of one kind:
    richness after Hurlbert (1971), Hill numbers after Chao et al. (2014). `novelty` is the slope
    of the rarefaction curve, 1 less the sample coverage at that size (Chao and Jost 2012); at one
    prompt short of the group it is Good's (1953) f1 / n, and so for all smaller groups.

    Args:
        counts: prompts of each group by kind, no row empty (groups, kinds) int64.
        prompts: how many to draw, at least 1; groups that have fewer keep what they have.
    """
    total = np.asarray(counts.sum(axis=1), dtype=np.int64)
    group = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    size = total[group]
    width = int(total.max(initial=0)) + 1
    pairs, pair = np.unique(size * width + counts.data, return_inverse=True)
    n, count = pairs // width, pairs % width
    drawn = np.minimum(n, prompts)

    entropy = np.zeros(len(pairs))
    for k in range(1, int(drawn.max(initial=1))):
        share = k / drawn
        entropy -= hypergeom.pmf(k, n, count, drawn) * share * np.log(share)
    rest = np.maximum(n - 1, 1)
    unmet = hypergeom.pmf(0, rest, count - 1, np.minimum(n - 1, prompts))

    def per_group(values: Floats) -> Floats:
        return np.asarray(np.bincount(group, values[pair], counts.shape[0]), dtype=np.float64)

    drawn_of = np.minimum(total, prompts)
    same = per_group(count * (count - 1.0)) / np.maximum(total * (total - 1.0), 1.0)
    return Rarefied(
        drawn_of,
        per_group(1.0 - hypergeom.pmf(0, n, count, drawn)),
        per_group(entropy),
        drawn_of / (1.0 + (drawn_of - 1.0) * same),
        per_group(count / n * unmet),
    )


def sample_coverage(counts: csr_array) -> Floats:
    """Estimate the share of a group's next prompts that falls into kinds it has met already.

    Good's (1953) 1 - f1 / n as bettered by Chao and Jost (2012), with f1 and f2 the kinds met once
    and twice.

    Args:
        counts: prompts of each group by kind (groups, kinds) int64.

    Returns:
        (groups,) float64; NaN for a single prompt, which says nothing.
    """
    n = np.asarray(counts.sum(axis=1), dtype=np.float64)
    once, twice = (np.asarray((counts == k).sum(axis=1), dtype=np.float64) for k in (1, 2))
    pairs = np.where(twice > 0, once, np.maximum(once - 1.0, 0.0)) * (n - 1.0)
    unseen = once / n * pairs / (pairs + 2.0 * np.maximum(twice, 1.0))
    return np.where(n > 1, 1.0 - unseen, np.nan)


def entropy(counts: NDArray[np.int64]) -> float:
    """Shannon entropy in nats of a vector of counts."""
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def focus(area: NDArray[np.int64], areas: int) -> float:
    """Return 1 - H / ln K over the areas of a group's prompts, K being the number of areas."""
    return 1.0 - entropy(np.bincount(area)) / float(np.log(areas))


def evenness(counts: NDArray[np.int64]) -> Floats:
    """Hill's 1D / 0D of each row of counts (rows, cells); 1 where only one cell is met."""
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    return np.asarray(np.exp(-(shares * logs).sum(axis=1)) / (counts > 0).sum(axis=1))


def novelty(cell: NDArray[np.int64]) -> float:
    """Good and Turing's estimate f1 / n of the chance that the next prompt is of a new cell."""
    return float((np.bincount(cell + 1) == 1).sum() / len(cell))
