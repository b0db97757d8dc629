"""What sessions gain from their groups: `label` alone against `label --campaigns`.

The split groups of `TRAFFIC` are dealt into three parts, those that a session joins in one. For
each part a model learns from the other groups of `TRAIN` alone; it judges the groups of accounts in
all of the traffic, and labels the sessions of its part. So no session is scored by a model that
knows its sources, templates or grids.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from capscope.classify.campaigns import Corpus, Judge, find_campaigns, prior_of, with_campaigns
from capscope.classify.campaigns.ties import find_ties
from capscope.classify.label import label
from capscope.classify.train import train
from capscope.classify.truth import join_groups
from capscope.data import JOIN, Traffic, read_traffic
from capscope.embed import SentenceEncoder

PARTS = 3


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def parts_of(traffic: Traffic) -> list[set[str]]:
    """Deal the split groups into parts of about as many sessions; joined groups stay together."""
    named = [str(name) for name in traffic.column("group", traffic.groups("session").first)]
    of, names = join_groups(named)
    sizes = np.bincount(of)
    parts: list[set[str]] = [set() for _ in range(PARTS)]
    held = [0] * PARTS
    for number in np.argsort(-sizes, kind="stable"):
        least = int(np.argmin(held))
        parts[least] |= set(names[number].split(JOIN))
        held[least] += int(sizes[number])
    return parts


def of_groups(traffic: Traffic, groups: set[str], inside: bool) -> Traffic:
    """Return the rows of sessions that are made of some split groups, or of none of them."""
    named = traffic.table["group"].to_pylist()
    some = [bool(groups & set(str(name).split(JOIN))) == inside for name in named]
    return Traffic(traffic.table.filter(pa.array(some)), traffic.skipped)


def scored(train_on: Traffic, traffic: Traffic) -> dict[str, list[dict[str, Any]]]:
    """Return the records of all sessions, alone and with campaigns."""
    encoder = SentenceEncoder()
    corpus = Corpus.of_traffic(traffic, encoder)
    ties = find_ties(corpus)
    found: dict[str, list[dict[str, Any]]] = {"alone": [], "with campaigns": []}
    for part in parts_of(traffic):
        begin = time.perf_counter()
        model = train(of_groups(train_on, part, inside=False), encoder)
        campaigns = find_campaigns(corpus, Judge(model, encoder), (), ties)
        verdicts = label(of_groups(traffic, part, inside=True), encoder, model)
        alone = [verdict.record("session") for verdict in verdicts]
        found["alone"] += alone
        found["with campaigns"] += with_campaigns(alone, campaigns, prior_of(model))
        called = [len(one.members) for one in campaigns if one.label == "extraction"]
        say(
            f"without {', '.join(sorted(part))}: {len(alone):,} sessions, groups called "
            f"extraction have {called} accounts, {time.perf_counter() - begin:.0f} s"
        )
    return found


def tell(records: list[dict[str, Any]], truth: dict[str, tuple[str, str]], name: str) -> None:
    """Print rates of one way to score, a session without a score below all others."""
    scores = np.array([-1.0 if r["score"] is None else r["score"] for r in records])
    flagged = np.array([r["label"] == "extraction" for r in records])
    extraction = np.array([truth[r["session_id"]][0] == "extraction" for r in records])
    kinds = np.array([truth[r["session_id"]][1] for r in records])
    for rate in (0.01, 0.001):
        at = np.quantile(scores[~extraction], 1 - rate, method="higher")
        say(f"{name}: TPR {(scores[extraction] > at).mean():.4f} at {rate:.1%} FPR")
    say(
        f"{name}: at the models' own thresholds TPR {flagged[extraction].mean():.4f}, FPR "
        f"{flagged[~extraction].mean():.5f}; unjudged {(scores < 0).mean():.4f}"
    )
    say("  flagged by kind: " + rates(flagged, kinds))


def rates(flagged: NDArray[np.bool_], kinds: NDArray[np.str_]) -> str:
    """Tell the share that is flagged of each kind."""
    return ", ".join(f"{kind} {flagged[kinds == kind].mean():.4f}" for kind in np.unique(kinds))


def main() -> None:
    """Print every figure as a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("traffic", type=Path)
    options = parser.parse_args()
    versions = " ".join(f"{n} {version(n)}" for n in ("numpy", "scipy", "scikit-learn", "networkx"))
    say(f"{platform.platform()}, Python {platform.python_version()}, {versions}")
    traffic = read_traffic([str(options.traffic)])
    columns = ("session_id", "label", "kind", "campaign")
    rows = zip(*(traffic.table[name].to_pylist() for name in columns), strict=True)
    truth = {
        session: (str(label), str(campaign or kind)) for session, label, kind, campaign in rows
    }
    found = scored(read_traffic([str(options.train)]), traffic)
    for name, records in found.items():
        tell(records, truth, name)


if __name__ == "__main__":
    main()
