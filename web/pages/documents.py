"""The API's description, for people; machines read /api/openapi.json."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ..render import page

router = APIRouter(include_in_schema=False)


@router.get("/api/", response_class=HTMLResponse)
def documents(request: Request) -> HTMLResponse:
    """Show every path of the API, what it takes and what it gives."""
    schema = request.app.openapi()
    return page(request, "api.html", routes=list(_routes(schema)), info=schema["info"])


def _routes(schema: dict[str, Any]) -> Any:  # noqa: ANN401
    for path, methods in schema["paths"].items():
        for method, about in methods.items():
            body = about.get("requestBody", {}).get("content", {}).get("application/json", {})
            answer = about["responses"].get("200", about["responses"].get("201", {}))
            content = answer.get("content", {})
            given: dict[str, Any] = next(iter(content.values()), {})
            yield {
                "method": method.upper(),
                "path": path,
                "about": about.get("description") or about["summary"],
                "takes": [
                    {**one, "type": _type(one["schema"])} for one in about.get("parameters", [])
                ],
                "body": _fields(schema, body.get("schema", {})),
                "gives": _fields(schema, given.get("schema", {})),
            }


def _fields(schema: dict[str, Any], of: dict[str, Any]) -> dict[str, str]:
    name = of.get("$ref", "").rpartition("/")[2]
    fields = schema["components"]["schemas"].get(name, {}).get("properties", {})
    return {field: _type(about) for field, about in fields.items()}


def _type(about: dict[str, Any]) -> str:
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(_type(one) for one in about["anyOf"]))
    if "$ref" in about:
        return str(about["$ref"].rpartition("/")[2])
    if "enum" in about:
        return " | ".join(map(str, about["enum"]))
    if about.get("type") == "array":
        return f"list of {_type(about.get('items', {}))}"
    return str(about.get("format") or about.get("type", "any"))
