"""One kind of state, one file. `greenlane.plugin.leaks.table` lists them."""
