"""Tiny projects with lanes of their own, made as the core lane makes them."""

from smoke_core.greenlane.conftest import environments, make_tiny, tiny, wheelhouse

__all__ = ["environments", "make_tiny", "tiny", "wheelhouse"]
