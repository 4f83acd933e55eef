"""Verdict to text: one file per format. Pure but for the last write."""
