"""What is remembered of runs: outcomes, durations, flakes. Only what `recall` needs works without SQLAlchemy."""
