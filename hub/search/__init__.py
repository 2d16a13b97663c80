"""Search over all archives: one document for each study, in an index that belongs to a snapshot."""
