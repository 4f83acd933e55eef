"""Importing LiteLLM: late, offline, and away from the event loop."""

from __future__ import annotations

import asyncio
import importlib
import os
from collections.abc import Callable, MutableMapping
from typing import Any

from mini_agent.core.errors import ProviderNotConfigured


def import_litellm(
    environ: MutableMapping[str, str] | None = None, load: Callable[[str], Any] = importlib.import_module
) -> Any:
    """Import the package; the first time takes seconds.

    environ: where `LITELLM_LOCAL_MODEL_COST_MAP` is set if it is not, so that the import stays offline; the process's
    own environment if None. load: imports a module by name.
    Returns: the module.
    Raises: ProviderNotConfigured when the package is not installed or does not import.
    """
    (os.environ if environ is None else environ).setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        module: Any = load("litellm")
    except ImportError as error:
        raise ProviderNotConfigured(
            f"this model needs the optional package 'litellm', which cannot be imported ({error.name or 'unknown'})"
        ) from error
    # Without this it prints an advertisement to stdout for every error; its own Router sets it as well.
    module.suppress_debug_info = True
    return module


class LiteLLMLoader:
    """Imports once, in a worker thread: a request that waits for it must not stop all others."""

    def __init__(self) -> None:
        self._module: Any = None
        self._lock = asyncio.Lock()

    async def __call__(self) -> Any:
        """Returns: the module. Raises: ProviderNotConfigured."""
        if self._module is None:
            async with self._lock:
                if self._module is None:
                    self._module = await asyncio.to_thread(import_litellm)
        return self._module
