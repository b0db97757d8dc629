"""The analyst's page over an index and a model, and its JSON API."""

from .serve import serve
from .tasks import Source

__all__ = ["Source", "serve"]
