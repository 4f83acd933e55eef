"""Floor 0: frozen values that every other floor speaks in. No input, no output, no decisions."""
