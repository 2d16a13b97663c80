"""Meaning: any spelling of an identifier, date, licence or term becomes one normal form, or a ValueError."""
