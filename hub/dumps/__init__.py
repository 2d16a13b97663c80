"""Dumps: everything that is published, as files with a signed manifest; and the whole hub in one file."""
