"""Requests to sources on the web, with rate limits, size limits and checks of the answers."""
