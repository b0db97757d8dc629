"""Search a pool for marks that tell a source from the other class at a glance.

A mark is in a prompt or not: one to three words, a first or last word, or a property of its
characters. Its AUROC, for one source against every source of the other class, each source counting
the same, is half of one plus the difference of its rates. Marks above 0.9 are printed, the most
telling of each source; at the end, the marks that part the classes as wholes best.
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from capscope.data.pool import PoolSource, load_pool

WORD = re.compile(r"\w+|[^\w\s]")
EDGE = 60
"""Words from either end of a prompt that are searched."""

CHARACTERS = {
    "<no capital>": re.compile(r"^[^A-Z]*$"),
    "<no final mark>": re.compile(r"[^.?!:\"')\]}]$"),
    "<final ?>": re.compile(r"\?$"),
    "<two spaces>": re.compile(r"\S  \S"),
    "<space at an end>": re.compile(r"^\s|\s$"),
    "<spaced mark>": re.compile(r"\w [,.;:?!](\s|$)"),
    "<several lines>": re.compile(r"\n"),
    "<curly quote>": re.compile("[\u201c\u201d\u2018\u2019]"),
    "<digit>": re.compile(r"\d"),
    "<slot>": re.compile(r"\{\w+\}"),
    "<heading>": re.compile(r"^#+ ?\w", re.MULTILINE),
    "<beyond ASCII>": re.compile(r"[^\x00-\x7f]"),
}


def marks(prompt: str) -> Iterator[str]:
    """Yield every mark of one prompt."""
    words = WORD.findall(prompt.lower())
    words = words if len(words) <= 2 * EDGE else [*words[:EDGE], *words[-EDGE:]]
    for run in (1, 2, 3):
        yield from (" ".join(words[i : i + run]) for i in range(len(words) - run + 1))
    yield from (f"^{words[0]}", f"{words[-1]}$") if words else ()
    yield from (name for name, sign in CHARACTERS.items() if sign.search(prompt))


def rates(source: PoolSource) -> dict[str, float]:
    """Return the share of a source's prompts that have each mark, rare ones left out."""
    counts = Counter(mark for prompt in source.prompts for mark in set(marks(prompt)))
    return {
        m: c / len(source.prompts) for m, c in counts.items() if c >= 0.01 * len(source.prompts)
    }


def auroc(own: float, other: float) -> float:
    """Return the AUROC of a mark that so many prompts of either side have."""
    return (1 + abs(own - other)) / 2


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--pool", type=Path, required=True)
parser.add_argument("--least", type=float, default=0.9)
parser.add_argument("--shown", type=int, default=3, help="marks of each source")
arguments = parser.parse_args()

of_class: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
for source in load_pool(arguments.pool):
    if source.kind != "payload":
        of_class[source.kind][source.name] = rates(source)
mean: dict[str, Counter[str]] = {}
for kind, sources in of_class.items():
    mean[kind] = Counter()
    for found in sources.values():
        mean[kind].update({mark: rate / len(sources) for mark, rate in found.items()})
for kind, sources in of_class.items():
    (other,) = set(of_class) - {kind}
    for name, found in sources.items():
        telling = {mark: auroc(rate, mean[other][mark]) for mark, rate in found.items()}
        best = sorted(telling, key=lambda mark: (-telling[mark], -len(mark)))
        for mark in [mark for mark in best if telling[mark] >= arguments.least][: arguments.shown]:
            sys.stdout.write(f"{kind:10} {name:22} {telling[mark]:.3f}  {mark!r}\n")
parting = {m: auroc(mean["extraction"][m], mean["organic"][m]) for m in mean["extraction"]}
for mark in sorted(parting, key=lambda mark: -parting[mark])[:10]:
    sys.stdout.write(
        f"classes {parting[mark]:.3f}  {mark!r}: in {mean['extraction'][mark]:.1%} of extraction, "
        f"{mean['organic'][mark]:.1%} of organic prompts\n"
    )
