"""Room 0: frozen wire and domain types. No input or output."""
