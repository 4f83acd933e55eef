"""An interceptor of this process on a real port of loopback, in front of any target."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

from mini_agent.core.logs import new_logger
from mini_agent.core.redaction import Redactor
from mini_agent.edge.protocol import ConnectionLimits
from mini_agent.interceptor.app import create_interceptor
from mini_agent.interceptor.settings import InterceptorSettings
from support.http_client import HttpClient
from support.loop_thread import LoopThread
from support.served_app import ServedApp


class ServedInterceptor(HttpClient):
    """`with ServedInterceptor(loop, target=…)`. head_s: patience with heads. settings: fields of its record."""

    def __init__(self, loop: LoopThread, *, head_s: float = 10.0, **settings: Any) -> None:
        record = InterceptorSettings(**{"project": "/projects/demo", "instance_id": "pycharm-demo", **settings})
        self._loop = loop
        self._log = io.StringIO()
        app = create_interceptor(record, new_logger("info", Redactor([record.api_key or ""]), self._log))
        limits = ConnectionLimits(head_s=head_s)
        self._served = ServedApp(loop, app, date_header=False, limits=limits)
        super().__init__("127.0.0.1", self._served.port)

    def __enter__(self) -> ServedInterceptor:
        self._served.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._served.__exit__()

    def log_text(self) -> str:
        """Returns: everything logged so far."""
        self._loop.run(asyncio.sleep(0))  # A request's line is written one turn of the loop after its answer.
        return self._log.getvalue()

    def log_lines(self) -> list[dict[str, Any]]:
        """Returns: the log, decoded."""
        return [json.loads(line) for line in self.log_text().splitlines()]
