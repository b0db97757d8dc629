"""Pages from templates: every value is text unless a template says otherwise, and none does."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from .templating import ENVIRONMENT


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
