"""Settings: command-line flags, environment and YAML as one frozen record."""

from mini_agent.settings.load import load_settings
from mini_agent.settings.record import Settings
from mini_agent.settings.start import refuse_unsafe

__all__ = ["Settings", "load_settings", "refuse_unsafe"]
