"""A reverse proxy for one project folder, and the registry of the ports that such proxies listen on."""
