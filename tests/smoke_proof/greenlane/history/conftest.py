"""What tests of the history share, the slow ones with the fast."""

from smoke_core.greenlane.history.conftest import engine, project

__all__ = ["engine", "project"]
