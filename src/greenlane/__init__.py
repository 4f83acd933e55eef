"""greenlane: test lanes that cannot contaminate each other, and one truthful verdict."""
