"""Write real sessions of the pool as plain rows, to see `capscope label` on real traffic."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

FIELDS = ("session_id", "account_id", "timestamp")


def sessions_of(path: Path) -> list[list[dict[str, str | None]]]:
    """Return a source's real sessions as plain rows, those without an id left out."""
    sessions: dict[str, list[dict[str, str | None]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            if row["session_id"] is not None:
                plain = {field: row[field] for field in FIELDS} | {"prompt": row["text"]}
                sessions.setdefault(row["session_id"], []).append(plain)
    return list(sessions.values())


def chosen(pool: Path, count: int) -> Iterator[dict[str, str | None]]:
    """Yield the rows of `count` sessions, taken from all organic sources in turn."""
    sources = [sessions_of(path) for path in sorted((pool / "organic").glob("*.jsonl.gz"))]
    taken = 0
    for turn in range(max(map(len, sources))):
        for sessions in sources:
            if turn < len(sessions) and taken < count:
                taken += 1
                yield from sessions[turn]


def main() -> None:
    """Parse, write, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, default=Path("../shared/pool"))
    parser.add_argument("--sessions", type=int, default=600)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    with options.output.open("w", encoding="utf-8") as file:
        for row in chosen(options.pool, options.sessions):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stderr.write(f"real sessions in {options.output}\n")


if __name__ == "__main__":
    main()
