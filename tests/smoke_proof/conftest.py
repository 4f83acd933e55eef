"""What every deterministic test needs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir

# Hypothesis keeps what it learnt beside the tests; a lane leaves nothing in the work tree.
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "greenlane-hypothesis")
