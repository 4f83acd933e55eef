"""Whose memory a request belongs to, and what of it goes into the request. `service` alone speaks to the network."""
