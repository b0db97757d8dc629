"""The analyst's page over an index and a model, its JSON API, and a report to send on."""
