"""A report to send on: one HTML file that needs no network and runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from ..classify import judge_index, load_model, model_folder
from ..classify.campaigns import Portrait, current_groups, state_of
from ..data import check_output, replacing, seal
from ..data.redact import redact
from ..embed import open_encoder
from ..index import AreaMap, open_index
from .accounts import rows_of, spread_of
from .charts import HEIGHT, WIDTH
from .drawn import drawn
from .glance import areas_of, sessions_of, volume_of
from .templating import ENVIRONMENT
from .view import LABELLED, View, open_view

GROUPS, SESSIONS, ACCOUNTS = 20, 40, 12
"""Groups and sessions that are shown, and accounts of each group."""
SHEETS = ("style.css", "plots.css")
TEXTS = {"account_id", "session_id", "model", "prompt", "skeleton", "what"}
"""Fields that hold text of the traffic."""
FLAGGED = """
SELECT * FROM sessions WHERE label = 'extraction'
ORDER BY score DESC, session_id, account_id NULLS FIRST LIMIT $size
"""
SPAN = "SELECT min(first) AS first, max(last) AS last FROM sessions"


def write_report(
    index: Path,
    output: Path,
    *,
    model: Path | None = None,
    weights: Path | None = None,
    cache: Path | None = None,
    masked: bool = False,
) -> str:
    """Write a report on an index, whole or not at all; the same index gives the same bytes.

    Verdicts and groups that are kept beside the index are taken, and what is not known is found
    first and kept.

    Args:
        index: its folder.
        output: a .html file.
        model: a model folder; the shipped one where None.
        weights: the encoder's folder; the installed one where None.
        cache: of vectors; None to keep none.
        masked: whether e-mail addresses, phone and card numbers and keys are masked.

    Returns:
        In one line, what it tells of.

    Raises:
        InputError: the index, the model, the encoder or the output cannot be used.
    """
    check_output(output, (".html",))
    if masked:
        redact(pa.array([""]))
    folder = model_folder(model)
    state, opened = state_of(index, model), open_index(index)
    loaded, encoder, name = load_model(folder), open_encoder(weights, cache), seal(folder)
    judge_index(index, opened, encoder, loaded, name)
    groups = current_groups(index, opened, encoder, loaded, state)
    view = open_view(index, loaded, name).placed(AreaMap.embedded(encoder), None)
    found = list(zip(groups.records, groups.portraits, strict=True))
    with replacing(output) as temporary:
        temporary.write_text(render(view, found, masked), encoding="utf-8")
    flagged = sessions_of(view)["extraction"]
    return f"{flagged:,} sessions above the threshold and {len(found):,} groups in {output}"


def render(view: View, groups: list[tuple[dict[str, Any], Portrait]], masked: bool) -> str:
    """Return the report as HTML."""
    rows = view.ask(FLAGGED, size=SESSIONS)
    sessions = [{**row, "evidence": json.loads(row["evidence"])} for row in rows]
    shown = [(record, portrait.record()) for record, portrait in groups[:GROUPS]]
    spreads = [
        spread_of(view, rows_of(view, [one["account_id"] for one in record["accounts"]]))
        for record, _ in shown
    ]
    if masked:
        mask([sessions, shown])
    portraits = [Portrait.of_record(portrait) for _, portrait in shown]
    return ENVIRONMENT.get_template("report.html").render(
        styles=Markup("\n".join(_sheet(name) for name in SHEETS)),
        told={
            "index": view.commit,
            "model": view.model_name,
            "threshold": view.model.route(None, exact=True).threshold,
            "prompts": len(view.sessions.of),
            "sessions": len(view.sessions),
            "accounts": len(view.index.senders.coded("account_id").values),
            "verdicts": {k: n for k, n in sessions_of(view).items() if n or k in LABELLED[:2]},
            "flagged": sessions_of(view)["extraction"],
            "groups": len(groups),
            **view.ask(SPAN)[0],
        },
        masked=masked,
        volume=volume_of(view),
        frame=(WIDTH, HEIGHT),
        labels=LABELLED,
        areas=areas_of(view),
        sessions=sessions,
        accounts_shown=ACCOUNTS,
        to=None,
        groups=[
            {"record": record, "portrait": portrait, "drawn": drawn(portrait), "spread": spread}
            for (record, _), portrait, spread in zip(shown, portraits, spreads, strict=True)
        ],
    )


def mask(records: Any) -> None:  # noqa: ANN401
    """Mask what identifies people or opens doors in the texts of records, in place."""
    places = list(_texts(records))
    texts = redact(pa.array([holder[field] for holder, field in places], pa.large_string()))
    for (holder, field), text in zip(places, texts.to_pylist(), strict=True):
        holder[field] = text


def _texts(records: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401
    """Yield where texts of the traffic stand: a record or a list, and the field or the place."""
    if isinstance(records, Mapping):
        for field, value in records.items():
            if isinstance(value, str) and field in TEXTS:
                yield records, field
            elif field == "fills" and value:
                for row in value:
                    yield from ((row, place) for place in range(len(row)))
            else:
                yield from _texts(value)
    elif isinstance(records, list | tuple):
        for one in records:
            yield from _texts(one)


def _sheet(name: str) -> str:
    return files(__package__).joinpath("static", name).read_text(encoding="utf-8")
