"""HTTP faces of the hub."""
