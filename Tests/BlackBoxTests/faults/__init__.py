"""Real faults against the real service, and a ledger that knows what was promised meanwhile."""
