"""Use cases outside the lane: they start, watch, collect and decide nothing themselves."""
