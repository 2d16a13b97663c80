"""Hubs among hubs: who owns a record, what its owner signs, and how others hold the same and can prove it."""
