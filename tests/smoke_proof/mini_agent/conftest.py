"""What tests of the gateway share, the slow ones with the fast."""

from smoke_core.mini_agent.conftest import gateway, stage

__all__ = ["gateway", "stage"]
