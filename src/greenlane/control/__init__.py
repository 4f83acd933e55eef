"""Use cases: build environments, launch lanes, collect evidence, decide, report."""
