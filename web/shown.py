"""Text of traffic as a page shows it: all of it text, nothing of it markup or steering."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from markupsafe import Markup, escape

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)
"""Controls, and characters that hide, reorder or join what a person reads."""


def visible(text: object) -> Markup:
    r"""Return text as HTML: escaped, and each control character shown by its name.

    >>> print(visible("<b>\x1b[31m{{7*7}}"))
    &lt;b&gt;<span class="control" title="U+001B">␛</span>[31m{{7*7}}
    """
    parts: list[Markup] = []
    end, told = 0, str(text)
    for match in STEERING.finditer(told):
        code = ord(match[0])
        name = f"U+{code:04X}"
        shown = chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else name
        parts.append(escape(told[end : match.start()]))
        parts.append(Markup('<span class="control" title="{}">{}</span>').format(name, shown))
        end = match.end()
    return Markup("").join([*parts, escape(told[end:])])


def short(text: object, most: int = 240) -> Markup:
    """Return the start of a text on one line, as `visible` shows it."""
    line = " ".join(str(text)[: 4 * most].split())
    return visible(line if len(line) <= most else line[: most - 1] + "…")


def when(time: datetime | None) -> str:
    """Show a time in UTC.

    >>> when(datetime(2026, 1, 2, 3, 4, 5)), when(None)
    ('2026-01-02 03:04:05', '–')
    """
    return "–" if time is None else f"{time:%Y-%m-%d %H:%M:%S}"


def span(length: timedelta | float | None) -> str:
    """Show how long something took, in its two largest units.

    >>> span(timedelta(days=1, hours=2, minutes=3)), span(65), span(0.4), span(None)
    ('1 d 2 h', '1 min 5 s', '0 s', '–')
    """
    if length is None:
        return "–"
    left = int(length.total_seconds() if isinstance(length, timedelta) else length)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number or parts or unit == "s":
            parts.append(f"{number} {unit}" if number or not parts else "")
    return " ".join(filter(None, parts[:2]))


def percent(share: float | None) -> str:
    """Show a share.

    >>> percent(0.125), percent(None)
    ('12.5 %', '–')
    """
    return "–" if share is None else f"{100 * share:.1f} %"


def number(value: float | None, digits: int = 0) -> str:
    """Show a number; – where there is none.

    >>> number(1234567), number(0.5, 3)
    ('1,234,567', '0.500')
    """
    return "–" if value is None else f"{value:,.{digits}f}"


def word(name: object) -> str:
    """Show a label or an area as words.

    >>> word("insufficient_evidence")
    'insufficient evidence'
    """
    return str(name).replace("_", " ")
