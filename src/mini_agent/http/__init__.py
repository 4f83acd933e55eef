"""Room 3: the HTTP side. One file per resource, one error table, one stream writer."""
