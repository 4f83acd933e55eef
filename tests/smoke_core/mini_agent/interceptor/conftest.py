"""What the interceptor's tests share: a target that keeps the bytes it sees, and interceptors in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from support.interceptor import ServedInterceptor
from support.loop_thread import LoopThread
from support.wire_target import WireTarget

Intercept = Callable[..., ServedInterceptor]


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    """A loop in a thread of its own."""
    with LoopThread() as thread:
        yield thread


@pytest.fixture
def target(loop: LoopThread) -> Iterator[WireTarget]:
    """The server behind the interceptor."""
    with WireTarget(loop) as server:
        yield server


@pytest.fixture
def intercept(loop: LoopThread, target: WireTarget) -> Iterator[Intercept]:
    """Starts an interceptor in front of the target. Arguments: fields of its settings."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(ServedInterceptor(loop, **{"target": target.url, **settings}))
