"""A real stdio MCP server. Arguments: names of further tools."""

import sys
from pathlib import Path

# Run as a script, by path: the folder that holds `support` is not on the path yet.
sys.path.insert(0, str(Path(__file__).parents[2]))

from support.mcp_servers.catalogue import build

build("stdio", *sys.argv[1:]).run("stdio")
