"""Settings: command-line flags, environment and YAML as one frozen record."""

from mini_agent.settings.load import load_settings
from mini_agent.settings.record import Settings

__all__ = ["Settings", "load_settings"]
