"""The harness's version, as the installed or checked-out distribution says."""

VERSION = "0.1.0"
"""Equal to `project.version`; a test compares them, because a checkout has no metadata to read."""
