"""mini_agent: an OpenAI-compatible agent gateway."""

__version__ = "0.1.0"
