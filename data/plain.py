"""Hostile text made harmless: prompts and ids on a person's terminal."""

from __future__ import annotations

from rich.text import Text


def plain(text: object, width: int) -> Text:
    """Return text that cannot steer a terminal or carry markup, on one line of at most `width`."""
    return Text(one_line(text, width))


def one_line(text: object, width: int) -> str:
    """Return the printable characters of text on one line of at most `width`."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(line.split())
    return line if len(line) <= width else line[: width - 1] + "…"
