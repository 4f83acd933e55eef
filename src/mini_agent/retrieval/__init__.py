"""Room 2: the network side of memory."""
