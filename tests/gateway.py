"""Rows as gateways log them, in the fields of a public detector's test set: campaigns in a crowd.

Nothing here is of the simulator or of its recipes: the texts were written for this test alone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np

Row = dict[str, Any]
START = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = 10

GRADING = (
    "Act as a strict examiner. Task given to the student: {task}. Student's reply: {reply}. "
    "Mark accuracy, completeness and clarity from 1 to 5 each, justify every mark in one sentence, "
    'and finish with a JSON object {{"accuracy": n, "completeness": n, "clarity": n}}.'
)
STEPS = (
    "Solve the problem below. Write every intermediate deduction on a numbered line, state which "
    "rule you used, check the result by a second method, and only then give a line that starts "
    "with RESULT. Problem: {task}"
)
AGENT = (
    "You control a shell in the repository {place}. Goal: {task}. Output your plan as a list, then "
    "each command you would run with the output you expect, then the patch as a unified diff."
)
SUBJECTS = (
    "photosynthesis, inflation, plate tectonics, recursion, the French revolution, osmosis, "
    "entropy, supply and demand, natural selection, the water cycle, electromagnetic induction, "
    "game theory, public key cryptography, the immune system, Bayes' theorem, monsoons, sonnets"
).split(", ")
REPLIES = (
    "it depends on the weather mostly",
    "there are three stages and the last one releases energy",
    "I think it is when two things balance",
    "see the textbook, page 40",
    "because more of one leads to less of the other",
)
GOALS = (
    "make the flaky test deterministic",
    "add retry with backoff to the client",
    "replace the global cache by one per request",
    "make the importer stream its input",
    "remove the deprecated flag and its branches",
    "speed up the slow query of the dashboard",
)
TEMPLATES = {
    "campaign_0001": [
        GRADING.format(task=f"explain {subject}", reply=reply)
        for subject, reply in product(SUBJECTS, REPLIES)
    ],
    "campaign_0002": [
        STEPS.format(task=f"a tank of {a} litres loses {b} % an hour and gains {c} litres; when "
                     "is it half full?")
        for a, b, c in product((90, 120, 250, 400), (2, 5, 8, 11, 14), (1, 3, 6, 9))
    ],
    "campaign_0003": [
        AGENT.format(place=f"services/{place}", task=goal)
        for place, goal in product(
            ("billing", "search", "mailer", "ledger", "gateway", "feeds", "quota", "audit", "maps",
             "notes", "import", "export"), GOALS)
    ],
}  # fmt: skip
CLOUDS = (16509, 24940, 14061)
HOMES = (7922, 3320, 1221, 5089, 3215)
BROWSERS = tuple(f"Mozilla/5.0 (X11; rv:{version}.0) Firefox/{version}.0" for version in range(8))
EXERCISES = tuple(
    f"Exercise {number}: {text}"
    for number, text in enumerate(
        (
            "what does the abbreviation ATP stand for and where is it made?",
            "name two differences between plant and animal cells.",
            "why does an onion cell shrink in salt water?",
            "label the parts of a mitochondrion and say what each does.",
            "what would happen to a leaf kept in the dark for a week?",
            "how many chromosomes has a human sperm cell?",
        ),
        start=1,
    )
)


def rows(people: list[list[str]], rng: np.random.Generator) -> list[Row]:
    """Return everything in time order: three campaigns of 20, a firm of 25, a class of 25, people.

    Args:
        people: prompts of each person.
        rng: draws the rest.
    """
    found = [
        *(row for name in TEMPLATES for row in campaign(name, 20, 24, rng)),
        *firm(25, 20, [prompt for own in people for prompt in own], rng),
        *school(25, rng),
        *(row for number, own in enumerate(people) for row in person(number, own, rng)),
    ]
    return sorted(found, key=lambda row: row["timestamp"])


def campaign(name: str, accounts: int, each: int, rng: np.random.Generator) -> Iterator[Row]:
    """One operator: hosted addresses, one client, its work dealt out in joint bursts."""
    work = iter(rng.permutation(np.resize(rng.permutation(TEMPLATES[name]), accounts * each)))
    bursts = np.sort(rng.uniform(0, DAYS, each))
    for number in range(accounts):
        for burst in bursts:
            yield row(
                f"{name}-{number}",
                str(next(work)),
                burst + rng.uniform(0, 240) / 86_400,
                rng,
                asn_number=int(rng.choice(CLOUDS)),
                user_agent="aiohttp/3.9.1",
                campaign_label=name,
            )


def firm(accounts: int, each: int, texts: list[str], rng: np.random.Generator) -> Iterator[Row]:
    """Employees of one firm: one tool, one network, tickets of all kinds."""
    for number in range(accounts):
        for day in rng.uniform(0, DAYS, each):
            ticket = str(rng.choice(texts))[:200]
            yield row(
                f"firm-{number}",
                f"Draft a friendly reply to this customer message, no more than 80 words: {ticket}",
                day,
                rng,
                asn_number=64512,
                user_agent="HelpdeskTool/4.2",
                system_prompt="You write for the helpdesk of a garden centre.",
            )


def school(accounts: int, rng: np.random.Generator) -> Iterator[Row]:
    """A class: the same exercises in the same hour, from one network."""
    for number in range(accounts):
        for exercise in EXERCISES:
            yield row(
                f"pupil-{number}",
                exercise,
                4.4 + rng.uniform(0, 1 / 24),
                rng,
                asn_number=786,
                user_agent=BROWSERS[0],
            )


def person(number: int, prompts: list[str], rng: np.random.Generator) -> Iterator[Row]:
    """Somebody on their own."""
    home, browser = int(rng.choice([*HOMES, CLOUDS[0]])), str(rng.choice([*BROWSERS, "curl/8.5"]))
    for prompt, day in zip(prompts, np.sort(rng.uniform(0, DAYS, len(prompts))), strict=True):
        yield row(f"person-{number}", prompt, day, rng, asn_number=home, user_agent=browser)


def row(account: str, prompt: str, day: float, rng: np.random.Generator, **more: Any) -> Row:
    """One request, in the fields of the test set."""
    return {
        "account_id": account,
        "timestamp": (START + timedelta(days=float(day))).isoformat(),
        "model": str(rng.choice(["large-2", "small-2"])),
        "prompt": prompt,
        "system_prompt": None,
        "client_ip": ".".join(map(str, rng.integers(1, 255, 4))),
        "campaign_label": None,
        **more,
    }
