"""Settings: command-line flags, environment and YAML as one frozen record."""

from mini_agent.settings.load import codex_settings, load_settings
from mini_agent.settings.record import Settings
from mini_agent.settings.start import refuse_unsafe

__all__ = ["Settings", "codex_settings", "load_settings", "refuse_unsafe"]
