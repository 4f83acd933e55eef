"""The steps of the schema; each is final once it has been released."""
