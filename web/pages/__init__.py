"""A module for each page, with the routes of the page and of its part of the API."""

from . import accounts, campaigns, documents, login, map, overview, review, search, sessions

ROUTERS = [
    module.router
    for module in (overview, search, sessions, accounts, campaigns, map, review, documents, login)
]
NAVIGATION = [
    ("/", "Overview"),
    ("/search", "Search"),
    ("/sessions", "Sessions"),
    ("/accounts", "Accounts"),
    ("/campaigns", "Campaigns"),
    ("/map", "Map"),
    ("/review", "Review"),
]
"""The pages that every page leads to."""
