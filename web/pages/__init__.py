"""A module for each page, with the routes of the page and of its part of the API."""

from . import documents, login, overview, review, search, sessions

ROUTERS = [module.router for module in (overview, search, sessions, review, documents, login)]
NAVIGATION = [
    ("/", "Overview"),
    ("/search", "Search"),
    ("/sessions", "Sessions"),
    ("/review", "Review"),
]
"""The pages that every page leads to."""
