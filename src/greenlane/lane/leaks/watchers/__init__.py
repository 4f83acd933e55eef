"""One kind of state, one file. `greenlane.lane.leaks.table` lists them."""
