"""Templates: every value is text unless a template says otherwise, and none does."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from . import shown

ENVIRONMENT = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
ENVIRONMENT.filters |= {
    "visible": shown.visible,
    "short": shown.short,
    "when": shown.when,
    "span": shown.span,
    "percent": shown.percent,
    "number": shown.number,
    "word": shown.word,
}
