"""A runner of GitHub workflows on this machine: jobs in order, steps in shells, artifacts in folders."""
