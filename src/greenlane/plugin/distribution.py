"""How the tests of a lane are spread over its workers."""

from __future__ import annotations

from typing import Any

import pytest

from greenlane.judge.samples import group_of


class Distribution:
    """Keeps the tests of a file on one worker, but for samples, which any worker may run."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object | None:
        """Return the scheduler where whole files stay together; None leaves it to xdist."""
        if config.getoption("dist") != "loadfile":
            return None
        scheduler: object = _scheduler_class()(config, log)
        return scheduler


def _scheduler_class() -> Any:
    """Return xdist's scheduler of whole files, with samples apart, and with an end after a crash (xdist 3.8.0)."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]  # xdist has no types

    class FileScheduling(LoadFileScheduling):  # type: ignore[misc]  # for the same reason
        """Takes each sample for a file of its own."""

        def _split_scope(self, nodeid: str) -> str:
            return nodeid if group_of(nodeid)[1] else str(super()._split_scope(nodeid))

        def remove_node(self, node: Any) -> str | None:
            """Hand on what a dead worker had before it, but for the test that it died of, which is told already."""
            workload = self.assigned_work.pop(node)
            pending = [(scope, nodeid) for scope, unit in workload.items() for nodeid, done in unit.items() if not done]
            if not pending:
                return None
            scope, crashed = pending[0][0], str(pending[0][1])
            workload[scope][crashed] = True
            self.workqueue.update({name: unit for name, unit in workload.items() if not all(unit.values())})
            for other in self.assigned_work:
                self._reschedule(other)
            return crashed

        def schedule(self) -> None:
            """Hand out work; who has got the last of it must know that no more will come, or waits for ever."""
            super().schedule()
            if not self.workqueue:
                for node in self.nodes:
                    if not node.shutting_down:
                        node.shutdown()

    return FileScheduling
