"""What is remembered of runs: outcomes, durations, flakes. Only `spool` and `recall` work without SQLAlchemy."""
