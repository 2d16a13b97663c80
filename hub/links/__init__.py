"""Cross-links with evidence: rules that find them, the engine that keeps them up to date, and the graphs they make."""
