"""Pages from templates: every value is text unless a template says otherwise, and none does."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
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


def page(request: Request, template: str, code: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401
    """Return a page.

    Args:
        request: what it answers.
        template: a file in `templates/`.
        code: the status of the answer.
        values: what the template shows.
    """
    values |= {"path": request.url.path, "navigation": request.app.state.navigation}
    return HTMLResponse(ENVIRONMENT.get_template(template).render(values), code)
