"""The routes of all dialects: each sends its requests through the pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from mini_agent.dialects import Dialect
from mini_agent.edge.exchange import EXCHANGE, Receive, Scope, Send
from mini_agent.pipeline.flow import Flow, Step


class ModelRoute:
    """Answers in one dialect. steps: of the pipeline, the same for all dialects."""

    def __init__(self, steps: Sequence[Step], dialect: Dialect) -> None:
        self._steps = steps
        self._dialect = dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises: GatewayError before anything was sent; ClientDisconnected."""
        flow = Flow(scope, receive, send, scope[EXCHANGE], self._dialect)
        for step in self._steps:
            await step(flow)
