"""mini_agent: an OpenAI-compatible agent gateway."""
