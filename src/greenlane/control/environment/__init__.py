"""Lane environments: built from a hashed lock and wheels, compared with both before and after every run."""
