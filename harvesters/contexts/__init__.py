"""Pinned JSON-LD contexts."""
