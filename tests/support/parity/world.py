"""Two gateways of one configuration, one in each mode, and what their provider saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from support.http_client import HttpClient
from support.parity.suite import Case, Facts, facts_of

#: The one file for both modes and for the external LiteLLM process.
CONFIG = Path(__file__).with_name("mini_agent.yaml")


class World:
    """gateways: by mode. provider: a client of the provider, which tells what it saw."""

    def __init__(self, gateways: Mapping[str, HttpClient], provider: HttpClient) -> None:
        self.gateways = gateways
        self.provider = provider

    def facts(self, case: Case, mode: str) -> Facts:
        """Ask a case of one mode. Returns: what client and provider saw."""
        request_id = f"{mode}-{case.name}".replace(" ", "-")
        reply = case.ask(self.gateways[mode], request_id)
        assert reply.headers["x-request-id"] == request_id
        facts = facts_of(reply, json.loads(self.provider.get(f"/log/{request_id}").body), words=case.words)
        error = reply.json().get("error", {}) if not reply.headers["content-type"].startswith("text/event") else {}
        assert (reply.status, error.get("code"), len(facts.asked)) == (case.status, case.code, case.asked), reply.body
        if case.check is not None:
            case.check(facts)
        return facts
