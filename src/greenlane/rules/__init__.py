"""Floor 1: decisions. Pure functions over `model` values, without input or output."""
