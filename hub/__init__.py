"""The service: log, store, snapshots, ingest and command line of the bioimage hub."""
