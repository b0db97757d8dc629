"""Which sessions a person should look at first."""

from __future__ import annotations

from typing import Any

from .reviews import Reviews
from .view import View, key_of

QUEUE = """
WITH open AS (
    SELECT *,
        abs(log_odds(score) - log_odds(threshold)) AS margin
    FROM sessions
    WHERE score IS NOT NULL AND NOT list_contains($done, key)
),
placed AS (
    SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY margin, key) AS turn FROM open
)
SELECT *, margin * turn AS rank FROM placed ORDER BY rank, key
LIMIT $size OFFSET $start
"""
"""Nearest to the threshold first (uncertainty sampling, Lewis and Gale 1994), in log-odds. The
margin counts double for an account's second session, three times for its third, and so on: a
second label of one account says less."""


def waiting(view: View, reviews: Reviews, start: int, size: int) -> list[dict[str, Any]]:
    """Return some sessions that nobody has reviewed, the most informative first."""
    return view.ask(QUEUE, done=done(reviews), start=start, size=size)


def done(reviews: Reviews) -> list[str]:
    """Return the keys of the sessions that were reviewed."""
    return [key_of(*who) for who in reviews.latest()]


def left(view: View, reviews: Reviews) -> int:
    """Return how many sessions wait."""
    query = "SELECT count(*) AS total FROM sessions WHERE score IS NOT NULL"
    (count,) = view.ask(query + " AND NOT list_contains($done, key)", done=done(reviews))
    return int(count["total"])
