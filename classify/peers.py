"""Published detectors of model extraction and simple ones, to compare with on the same sessions.

Each is written from its paper's definition and adapted to sessions of text: the papers watch an
account's images, or windows of many users' queries. What is drawn at random is seeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from ..data import Traffic
from ..embed import Vectors
from .baselines import apart_from, lengths
from .head import balanced
from .surface import elicits
from .truth import Truth
from .words import count_words

Float32 = NDArray[np.float32]
Scores = NDArray[np.float64]
Prompts = Sequence[Float32]
"""Unit vectors of the prompts of each session, in time order, (n, dimension) each."""

LEARNED = (
    "prompt length",
    "TF-IDF and logistic regression",
    "mean embedding and logistic regression",
)
REFERRED = ("MMD", "PRADA", "SEAT", "CAP", "Mahalanobis")
ENOUGH = 10
"""Sessions of each class that the other folds must hold, for a fold to be scored."""
MOST = 512
"""Prompts of a session that are compared with each other; of a longer one, evenly spread ones."""
STRENGTH = 10.0
"""C of the logistic regressions: means of prompts vary less than prompts do."""
BANDWIDTHS = (0.5, 1.0, 2.0, 4.0)
MMD_POOL, MMD_SHARE, NULL_DRAWS = 2560, 5, 200
"""Benign prompts for MMD: one in five is the reference, the others give the null."""
SEAT_PAIRS, SEAT_RATE = 100, 0.01
CAP_POOL, CAP_CELLS = 10_000, 200
SEED, CHUNK, TINY = 0, 4096, 1e-6


def peer_scores(traffic: Traffic, truth: Truth, vectors: Vectors) -> dict[str, Scores]:
    """Score sessions by each detector, its references and models from other folds alone.

    A fold is a split group, or a source where all sessions are of one group. Sessions of a fold
    whose others hold fewer than `ENOUGH` of a class get 0 from all that needs other sessions.

    Args:
        traffic: the prompts.
        truth: its labelled sessions; the organic ones of other folds are the benign reference.
        vectors: of every prompt of the traffic.

    Returns:
        Scores (sessions,) float64 by detector; higher is more likely extraction.
    """
    rows, sizes = truth.groups.rows, truth.groups.sizes
    used, column = np.unique(vectors.of[rows], return_inverse=True)
    session = np.repeat(np.arange(len(sizes)), sizes)
    average = sparse.csr_matrix((1 / sizes[session], (session, column)))
    texts = vectors.texts.take(pa.array(used))
    length = lengths(traffic, truth)["length, mean"][:, np.newaxis]
    means = np.asarray(average @ vectors.rows[used])
    features = (length, average @ count_words(texts), means)
    prompts = [vectors[_evenly_spread(each)] for each in truth.groups]
    normality = np.array([abnormality(each) for each in prompts])
    scores: dict[str, Scores] = {"session length": sizes.astype(np.float64)}
    scores["elicitation patterns"] = average @ elicits(texts)
    scores |= {name: np.zeros(len(sizes)) for name in (*LEARNED, *REFERRED)}
    apart = apart_from(truth)
    for fold in np.unique(apart):
        known, tested = np.flatnonzero(apart != fold), np.flatnonzero(apart == fold)
        if np.bincount(truth.extraction[known], minlength=2).min() < ENOUGH:
            continue
        for name, columns in zip(LEARNED, features, strict=True):
            scores[name][tested] = _regressed(columns, truth, known, tested)
        benign = known[~truth.extraction[known]]
        asked, organic = [prompts[i] for i in tested], [prompts[i] for i in benign]
        source = truth.source[benign]
        referred = (
            mmd(asked, draw_evenly(organic, source, MMD_POOL)),
            _or_usual(normality[tested], normality[benign]),
            seat(asked, organic),
            cap(asked, draw_evenly(organic, source, CAP_POOL)),
            mahalanobis(means[tested], means[benign]),
        )
        for name, found in zip(REFERRED, referred, strict=True):
            scores[name][tested] = found
    return scores


def mmd(sessions: Prompts, pool: Float32) -> Scores:
    """Return the unbiased squared maximum mean discrepancy from benign prompts, (sessions,).

    Gretton et al. (2012); as a detector of extraction, with Gaussian kernels at 0.5, 1, 2 and 4
    times the reference's median distance, Guo, Liu and Dong (2026). Adapted: windows of 1,500
    queries become sessions of any size, so each value is told in standard deviations above what
    as many benign prompts give, drawn at powers of two and read off between them. 0 for a single
    prompt. `pool` holds benign prompts in random order, (m, dimension) float32, ten at least.
    """
    cut = len(pool) // MMD_SHARE
    reference, null = pool[:cut], pool[cut:]
    apart = _squared_distances(reference, reference)[np.triu_indices(cut, 1)]
    scale = max(float(np.sqrt(np.median(apart))), TINY)
    itself = kernel(reference, reference, scale)
    log_sizes, centres, log_spreads = _null(
        kernel(null, null, scale), kernel(null, reference, scale), itself
    )
    every = np.concatenate(sessions)
    parts = np.array_split(every, len(every) // CHUNK + 1)
    near = np.concatenate([kernel(part, reference, scale).mean(axis=1) for part in parts])
    scores = np.zeros(len(sessions))
    for i, (prompts, between) in enumerate(zip(sessions, _split(near, sessions), strict=True)):
        if len(prompts) > 1:
            value = unbiased_mmd(kernel(prompts, prompts, scale), itself, between)
            size = np.log(len(prompts))
            spread = np.exp(np.interp(size, log_sizes, log_spreads))
            scores[i] = (value - np.interp(size, log_sizes, centres)) / spread
    return scores


def kernel(first: Float32, second: Float32, scale: float) -> Float32:
    """Return the mean of Gaussian kernels at `BANDWIDTHS` times a scale (n, m) float32."""
    halves = _squared_distances(first, second) / np.float32(-2 * scale**2)
    kernels = [np.exp(halves / np.float32(width**2)) for width in BANDWIDTHS]
    return np.asarray(np.mean(kernels, axis=0))


def unbiased_mmd(first: Float32, second: Float32, between: Float32) -> float:
    """Return the unbiased MMD² of two samples (Gretton et al. 2012, equation 3).

    Args:
        first: kernel of the first sample with itself (n, n), n at least 2.
        second: kernel of the second with itself (m, m), m at least 2.
        between: kernel of the first with the second (n, m), or the means of its rows (n,).
    """
    within = sum(
        (gram.sum(dtype=np.float64) - gram.trace(dtype=np.float64)) / (len(gram) * (len(gram) - 1))
        for gram in (first, second)
    )
    return float(within - 2 * between.mean(dtype=np.float64))


def _null(itself: Float32, between: Float32, reference: Float32) -> tuple[Scores, Scores, Scores]:
    """Return log sizes, and mean and log spread of the MMD² of as many benign prompts."""
    rng = np.random.default_rng(SEED)
    sizes = 2 ** np.arange(1, int(np.log2(min(MOST, len(itself) // 2))) + 1)
    near = between.mean(axis=1)
    values = np.empty((len(sizes), NULL_DRAWS))
    for (i, draw), _ in np.ndenumerate(values):
        chosen = rng.choice(len(itself), sizes[i], replace=False)
        alike = itself[np.ix_(chosen, chosen)]
        values[i, draw] = unbiased_mmd(alike, reference, near[chosen])
    return np.log(sizes), values.mean(axis=1), np.log(np.maximum(values.std(axis=1), TINY))


def abnormality(prompts: Float32) -> float:
    """Return how far from normal the distances between a session's prompts are: 1 less W.

    PRADA (Juuti et al. 2019), adapted: W is of Shapiro and Wilk's test on each prompt's least
    Euclidean distance to the earlier ones; a session stands for a class of the victim's answers,
    and no prompt is left out as an outlier. NaN below four distances, or where all are the same.
    """
    from scipy.stats import shapiro

    if len(prompts) < 5:
        return float("nan")
    apart = np.sqrt(_squared_distances(prompts, prompts).astype(np.float64))
    apart[np.triu_indices(len(prompts))] = np.inf
    least = apart[1:].min(axis=1)
    return float("nan") if np.ptp(least) < 1e-3 else 1 - float(shapiro(least).statistic)


def seat(sessions: Prompts, organic: Prompts) -> Scores:
    """Return the share of pairs of a session's prompts that are similar (sessions,) float64.

    SEAT (Zhang, Chen and Wagner 2021), adapted: it counts pairs of an account's queries that an
    encoder trained for it finds similar. Here the encoder is the package's, and similar is a
    cosine that 1 % of pairs of known organic sessions exceed, each giving as many pairs. 0 for a
    single prompt.
    """
    rng = np.random.default_rng(SEED)
    drawn = [rng.choice(_cosines(each), SEAT_PAIRS) for each in organic if len(each) > 1]
    known = np.concatenate(drawn) if drawn else np.ones(1)
    threshold = min(float(np.quantile(known, 1 - SEAT_RATE)), 1 - TINY)
    return np.array(
        [(_cosines(each) > threshold).mean() if len(each) > 1 else 0.0 for each in sessions]
    )


def cap(sessions: Prompts, pool: Float32) -> Scores:
    """Return how many cells of benign traffic a session meets, by what is expected (sessions,).

    CAP, the coverage of a partition; coverage as a warning is of Kesarwani et al. (2018). Adapted:
    the cells are k-means clusters of benign prompts, `pool` (m, dimension) float32, and the number
    met is divided by what as many benign prompts are expected to meet.
    """
    from sklearn.cluster import MiniBatchKMeans

    cells = max(1, min(CAP_CELLS, len(np.unique(pool, axis=0)) // 2))
    fitted = MiniBatchKMeans(
        cells, init="random", n_init=1, batch_size=1024, max_iter=20, random_state=SEED
    ).fit(pool)
    missed = 1 - np.bincount(fitted.labels_, minlength=cells) / len(pool)
    place = fitted.predict(np.concatenate(sessions))
    met = np.array([len(np.unique(each)) for each in _split(place, sessions)])
    expected = np.array([(1 - missed ** len(each)).sum() for each in sessions])
    return np.asarray(met / expected)


def mahalanobis(means: Scores, organic: Scores) -> Scores:
    """Return squared Mahalanobis distances from organic sessions (sessions,) float64.

    Lee et al. (2018) measure single inputs; adapted: a session is its mean vector, (sessions,
    dimension) float64, and the covariance of known organic ones is shrunk (Ledoit and Wolf 2004).
    """
    from sklearn.covariance import LedoitWolf

    return np.asarray(LedoitWolf().fit(organic).mahalanobis(means), dtype=np.float64)


def draw_evenly(sessions: Prompts, source: NDArray[np.int64], size: int) -> Float32:
    """Draw prompts in random order, every source as likely as another, none twice.

    Args:
        sessions: unit vectors (n, dimension) float32 each.
        source: where each session is from (sessions,).
        size: prompts to draw; all where there are fewer.
    """
    rng = np.random.default_rng(SEED)
    of = np.unique(np.repeat(source, [len(each) for each in sessions]), return_inverse=True)[1]
    likely = 1 / np.bincount(of)[of]
    chosen = rng.choice(len(of), min(size, len(of)), replace=False, p=likely / likely.sum())
    return np.asarray(np.concatenate(sessions)[rng.permutation(chosen)])


def _regressed(
    columns: Scores | sparse.csr_matrix,
    truth: Truth,
    known: NDArray[np.int64],
    tested: NDArray[np.int64],
) -> Scores:
    """Log-odds of the tested by a regression on the known; counts are first weighed by rarity."""
    from sklearn.linear_model import LogisticRegression

    told = _by_rarity(columns, known) if sparse.issparse(columns) else columns
    weight = balanced(truth.extraction[known], truth.source[known])
    fitted = LogisticRegression(C=STRENGTH, max_iter=1000)
    fitted.fit(told[known], truth.extraction[known], weight)
    return np.asarray(fitted.decision_function(told[tested]))


def _by_rarity(counts: sparse.csr_matrix, known: NDArray[np.int64]) -> sparse.csr_matrix:
    """TF-IDF of the words that the known sessions hold."""
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = counts[:, np.unique(counts[known].indices)]
    return TfidfTransformer().fit(counts[known]).transform(counts)


def _or_usual(found: Scores, organic: Scores) -> Scores:
    """Put the median of organic sessions where nothing was found."""
    told = organic[np.isfinite(organic)]
    return np.where(np.isnan(found), np.median(told) if len(told) else 0.0, found)


def _split(values: NDArray[Any], sessions: Prompts) -> list[NDArray[Any]]:
    """Split what stands one entry per prompt into sessions."""
    return np.split(values, np.cumsum([len(each) for each in sessions])[:-1])


def _squared_distances(first: Float32, second: Float32) -> Float32:
    """Squared Euclidean distances of unit vectors (n, m)."""
    return np.asarray(np.maximum(2 - 2 * (first @ second.T), np.float32(0)))


def _cosines(prompts: Float32) -> Float32:
    """Cosine similarities of all pairs of a session's prompts (pairs,)."""
    return np.asarray((prompts @ prompts.T)[np.triu_indices(len(prompts), 1)])


def _evenly_spread(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(np.int64)]
