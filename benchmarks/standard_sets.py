"""Build the standard sets, and say what can be told of each without reading a prompt.

For every set: its size, its checksum (the same pool, versions and seed give the same bytes), the
AUROC of boosted trees that see only counts, times, ids, models and order, tested on accounts that
they have not seen, and that of trees that see only prompt lengths, tested on other groups (other
sources where all is of one group). A first AUROC of 0.60 or more ends with an error, but for
campaigns: their launch and their sessions are meant to show.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from capscope.classify.baselines import apart_from, blind, cross_fitted, lengths
from capscope.classify.truth import read_truth
from capscope.data import read_traffic, write_simulation
from capscope.data.simulation.invented import INVENTED

MOST = 0.60
SIZES = {
    "small": {"train": 600, "invented": 300, "held-out": 200, "campaigns": 6_000},
    "full": {"train": 4_000, "invented": 2_400, "held-out": 1_000, "campaigns": 16_000},
}
SETS = {
    "train": (1, None, False),
    "invented": (4, None, False),
    "held-out": (2, None, True),
    "campaigns": (3, "all-campaigns", False),
}
"""Seed, mix and side of each set."""


def told(path: Path) -> tuple[str, float]:
    """Describe a set, and return the first AUROC."""
    traffic = read_traffic([str(path)])
    truth = read_truth(traffic, 5)
    owners = traffic.column("account_id", truth.groups.first)
    accounts = np.unique([str(owner) for owner in owners], return_inverse=True)[1]
    seen = roc_auc_score(
        truth.extraction, cross_fitted(blind(traffic, truth), truth.extraction, accounts)
    )
    by_length = roc_auc_score(
        truth.extraction,
        cross_fitted(lengths(traffic, truth), truth.extraction, apart_from(truth)),
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return (
        f"{path.stem:10} {len(truth.groups):7,} sessions {len(traffic):8,} prompts "
        f"{truth.extraction.mean():4.0%} extraction  sha256 {digest}  "
        f"without reading {seen:.3f}  by length {by_length:.3f}",
        float(seen),
    )


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--pool", type=Path, required=True)
parser.add_argument("--size", choices=SIZES, required=True)
parser.add_argument("-o", "--output", type=Path, required=True)
arguments = parser.parse_args()

arguments.output.mkdir(parents=True, exist_ok=True)
leaking = []
for name, (seed, mix, held_out) in SETS.items():
    path = arguments.output / f"{name}.parquet"
    sessions = SIZES[arguments.size][name]
    pool = Path(INVENTED) if name == INVENTED else arguments.pool
    write_simulation(pool, path, sessions=sessions, seed=seed, mix=mix, held_out=held_out)
    line, seen = told(path)
    sys.stdout.write(line + "\n")
    if seen >= MOST and mix is None:
        leaking.append(name)
if leaking:
    sys.exit(f"{', '.join(leaking)}: the classes differ in more than their prompts")
