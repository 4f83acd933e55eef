"""Prometheus metrics of one app (GATEWAY 4.6), and the route that shows them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING

from mini_agent.edge.exchange import Receive, Scope, Send, send_body

if TYPE_CHECKING:
    from prometheus_client import Metric

#: Where the buckets of the histogram end, in seconds.
_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The counters of one app, in a registry of its own."""

    def __init__(self) -> None:
        # Its import reads /proc, and nothing of ours does that at import.
        from prometheus_client import CollectorRegistry, Counter, generate_latest

        self._registry = CollectorRegistry()
        self._generate = generate_latest
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
        self._requests = _Requests()
        self._registry.register(self._requests)
        self.request = self._requests.add

    def stream(self, change: int) -> None:
        """Count the streams that are being relayed. change: 1 for one that begins, -1 for one that ends."""
        self._requests.streams += change

    def provider_error(self, provider: str, group: str, code: str) -> None:
        """Count one failed provider call."""
        self._provider_errors.labels(provider, group, code).inc()

    def agent_run(self, backend: str, stopped_reason: str) -> None:
        """Count one finished agent run."""
        self._agent_runs.labels(backend, stopped_reason).inc()

    def text(self) -> bytes:
        """Returns: the metrics in Prometheus text format."""
        return self._generate(self._registry)


class _Requests:
    """Requests and how long they took. Counted in plain numbers: the library's own cost more than our checks."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self.streams = 0

    def add(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. route: the template; seconds: its duration."""
        key = (route, method if method in _METHODS else "other", status)
        if key not in self._counts:
            self._counts[key] = 0
            self._seconds.setdefault(route, 0.0)
            self._buckets.setdefault(route, [0] * (len(_BOUNDS_S) + 1))
        self._counts[key] += 1
        self._seconds[route] += seconds
        self._buckets[route][bisect_left(_BOUNDS_S, seconds)] += 1

    def collect(self) -> Iterable[Metric]:
        """Yield what the library writes."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        counts = CounterMetricFamily("mini_agent_requests", "HTTP requests", labels=["route", "method", "status"])
        for (route, method, status), count in self._counts.items():
            counts.add_metric([route, method, str(status)], count)
        text = "Seconds from request to end of response"
        times = HistogramMetricFamily("mini_agent_request_seconds", text, labels=["route"])
        for route, buckets in self._buckets.items():
            bounds = [*(str(bound) for bound in _BOUNDS_S), "+Inf"]
            upto = list(zip(bounds, accumulate(buckets), strict=True))
            times.add_metric([route], upto, self._seconds[route])
        running = GaugeMetricFamily("mini_agent_streams_in_flight", "Streams being relayed now", value=self.streams)
        return counts, times, running


class MetricsRoute:
    """`GET /metrics`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer with the metrics."""
        await send_body(send, self._metrics.text(), content_type=b"text/plain; version=0.0.4; charset=utf-8")
