"""A package that is not greenlane."""


def double(value: int) -> int:
    """Return twice a value."""
    return 2 * value
