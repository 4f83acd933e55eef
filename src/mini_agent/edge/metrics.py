"""Prometheus metrics of one app (GATEWAY 4.6), and the route that shows them."""

from __future__ import annotations

from collections.abc import Callable

from mini_agent.edge.exchange import Receive, Scope, Send, send_body

__all__ = ["Metrics", "MetricsRoute"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The counters of one app, in a registry of its own."""

    def __init__(self) -> None:
        # Its import reads /proc, and nothing of ours does that at import.
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

        self._registry = CollectorRegistry()
        self._generate = generate_latest
        self._requests = Counter(
            "mini_agent_requests", "HTTP requests", ["route", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "mini_agent_request_seconds", "Seconds from request to end of response", ["route"], registry=self._registry
        )
        self._provider_errors = Counter(
            "mini_agent_provider_errors",
            "Failed provider calls",
            ["provider", "group", "code"],
            registry=self._registry,
        )
        self._agent_runs = Counter(
            "mini_agent_agent_runs", "Agent runs", ["backend", "stopped_reason"], registry=self._registry
        )
        self.traces_dropped = Counter(
            "mini_agent_traces_dropped", "Traces that were not stored because the disk is slow", registry=self._registry
        )
        self.streams_in_flight = Gauge(
            "mini_agent_streams_in_flight", "Streams being relayed now", registry=self._registry
        )
        # Looking a label set up costs more than counting; the sets are few, so they are kept.
        self._observers: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. route: the template; seconds: its duration."""
        key = (route, method if method in _METHODS else "other", status)
        observer = self._observers.get(key)
        if observer is None:
            counter = self._requests.labels(route, key[1], str(status))
            observer = self._observers[key] = (counter.inc, self._seconds.labels(route).observe)
        observer[0]()
        observer[1](seconds)

    def provider_error(self, provider: str, group: str, code: str) -> None:
        """Count one failed provider call."""
        self._provider_errors.labels(provider, group, code).inc()

    def agent_run(self, backend: str, stopped_reason: str) -> None:
        """Count one finished agent run."""
        self._agent_runs.labels(backend, stopped_reason).inc()

    def text(self) -> bytes:
        """Returns: the metrics in Prometheus text format."""
        return self._generate(self._registry)


class MetricsRoute:
    """`GET /metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer with the metrics."""
        await send_body(send, self._metrics.text(), content_type=b"text/plain; version=0.0.4; charset=utf-8")
