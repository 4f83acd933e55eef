"""Pulls files from the run's queue for a shard, shows that it lives, and returns the files of shards that do not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from greenlane.errors import ConfigError
from greenlane.sharding.assignment import digest
from greenlane.sharding.plans import pull_order
from greenlane.sharding.pulling import Enter, Given, Next, Peek, QueueMessage
from greenlane.supervisor.plan import PullPlan

if TYPE_CHECKING:
    from greenlane.history.queue import Queue, Watch

BEAT = 2.0
"""Seconds between two signs of life."""

POLL = 0.25
"""Seconds between two looks at a queue that has nothing free but may get something back."""


class Pulling:
    """One shard at its queue.

    Args:
        plan: which queue, and what files are expected to take.
        end: our end of the socket to the lane process.
    """

    def __init__(self, plan: PullPlan, end: socket.socket, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._socket = end
        self._lines = end.makefile("rb")
        self._say = say
        self._lost = threading.Event()
        self._over = threading.Event()

    def run(self) -> None:
        """Answer the shard until it has gone. A failure of the queue stops the shard, which tells it."""
        from greenlane.history.database import connect
        from greenlane.history.queue import LostError, Queue, Watch

        failure = ""
        try:
            queue = Queue(connect(self._plan.url), self._plan.queue, self._plan.shard, self._plan.life)
            self._serve(queue, Watch(self._plan.patience))
        except LostError:
            failure = f"{self._plan.shard} was taken for dead by the other shards, which run its files again"
        except ConfigError as error:
            failure = error.message
        except OSError:
            return  # the lane process has gone
        finally:
            self._over.set()
        if failure:
            self._answer_last(failure)

    def _answer_last(self, failure: str) -> None:
        """Tell the shard why it must stop, as the answer to what it asks now or next."""
        self._say(f"queue {self._plan.queue}: {failure}")
        try:
            self._send(Given(failure=failure))
        except OSError:
            return

    def _serve(self, queue: Queue, watch: Watch) -> None:
        while line := self._lines.readline():
            message = msgspec.json.decode(line, type=QueueMessage)
            if isinstance(message, Enter):
                queue.enter(digest((message.collection, self._plan.tree)), ordered(message.files, self._plan.seconds))
                threading.Thread(target=self._beat, args=(queue,), daemon=True).start()
                self._send(Given(more=True))
            elif isinstance(message, Peek):
                self._send(Given(more=queue.left() > 1))
            elif isinstance(message, Next):
                file = self._next(queue, watch, message.done)
                if not file:
                    queue.close()
                self._send(Given(file=file, more=bool(file)))

    def _next(self, queue: Queue, watch: Watch, done: str) -> str:
        """Return a file; wait while others run what may still come back. Empty when all files are finished."""
        file = queue.claim(done)
        while not file and queue.left():
            for pulse in watch.dead(queue.others(), time.monotonic()):
                if queue.bury(pulse):
                    self._say(f"queue {self._plan.queue}: {pulse.shard} shows no life; its files go back")
            time.sleep(POLL)
            file = queue.claim()
        return file

    def _beat(self, queue: Queue) -> None:
        """Show that the shard lives, while one file after the other is run."""
        from greenlane.history.queue import LostError

        while not self._over.wait(BEAT):
            try:
                queue.beat()
            except LostError:
                return  # the next claim says so
            except ConfigError as error:
                self._say(f"queue {self._plan.queue}: {error.message}")

    def _send(self, given: Given) -> None:
        self._socket.sendall(msgspec.json.encode(given) + b"\n")


def ordered(files: Sequence[str], seconds: Mapping[str, float]) -> list[str]:
    """Return files in the order in which they are given away; one without a record counts with the mean of all."""
    mean = sum(seconds.values()) / len(seconds) if seconds else 0.0
    return pull_order({file: seconds.get(file, mean) for file in files})
