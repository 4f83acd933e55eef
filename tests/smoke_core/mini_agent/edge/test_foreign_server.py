"""The app under an ASGI server that offers no more than the specification."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mini_agent.app import Ports, create_app
from mini_agent.core.chat import ProviderRequest
from mini_agent.settings import load_settings
from mini_agent.upstreams.protocol import Capabilities

BODY = json.dumps({"model": "m1", "messages": [{"role": "user", "content": "hi"}]}).encode()


class Hanging:
    """A model client that never answers, and tells when it was cancelled."""

    name = "openai_http"
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.asked, self.cancelled = asyncio.Event(), asyncio.Event()

    async def complete(self, _: ProviderRequest) -> bytes:
        """Hang."""
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()
        return b""

    async def aclose(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize("leaves", ["while the model thinks", "before its body is whole"])
def test_disconnect_message_cancels_the_work(tmp_path: Any, leaves: str) -> None:
    """`http.disconnect` ends the request: work under way is cancelled, a cut body is never passed on."""
    path = tmp_path / "c.yaml"
    entry = {"model_name": "m1", "litellm_params": {"model": "openai/x", "api_key": "k-12345"}}
    path.write_text(json.dumps({"model_list": [entry]}), encoding="utf-8")

    async def main() -> tuple[bool, list[int]]:
        client = Hanging()
        app = create_app(
            load_settings({"MINI_AGENT_LOG_LEVEL": "critical"}, config=str(path)),
            Ports(model_clients={"openai_http": lambda *_: client}),  # type: ignore[arg-type,return-value]
        )
        statuses: list[int] = []
        whole = leaves == "while the model thinks"
        body = {"type": "http.request", "body": BODY if whole else BODY[:9], "more_body": not whole}
        turns = iter([body])

        async def receive() -> Any:
            for turn in turns:
                return turn
            if whole:
                await client.asked.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            statuses.append(message.get("status", 0))

        sent = {b"host": b"localhost", b"content-type": b"application/json", b"content-length": b"%d" % len(BODY)}
        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": list(sent.items())}
        await asyncio.wait_for(app(scope, receive, send), 5)
        return client.cancelled.is_set(), statuses

    cancelled, statuses = asyncio.run(main())
    if leaves == "while the model thinks":
        assert (cancelled, statuses) == (True, [])
    else:
        assert (cancelled, statuses[:1]) == (False, [400])
