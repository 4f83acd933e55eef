"""A real stdio MCP server. Arguments: names of further tools."""

import sys

from catalogue import build

build("stdio", *sys.argv[1:]).run("stdio")
