"""Copies of datasets' files: where they are, how they are, and those that this hub holds itself."""
