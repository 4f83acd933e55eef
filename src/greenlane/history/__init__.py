"""What is remembered of runs: outcomes, durations, flakes. `spool` and `recall` work without SQLAlchemy."""
