"""Room 1: whose memory a request belongs to, and what of it goes into the request. Pure: no input or output."""
