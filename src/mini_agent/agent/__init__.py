"""The turn loop. Pure: it reaches the outside only through `ModelClient`, `ToolInvoker` and `Clock`."""

from mini_agent.agent.loop import ViewInjection, run, run_sync
from mini_agent.agent.ports import ModelClient, ToolInvoker

__all__ = [
    "ModelClient",
    "ToolInvoker",
    "ViewInjection",
    "run",
    "run_sync",
]
