"""What changed while a lane ran is told by its name."""

from __future__ import annotations

from support.tiny import TinyProject


def test_the_file_that_changed_is_named(tiny: TinyProject) -> None:
    """STALE names what changed while the lane ran, and the test that made it where the leak guard saw it."""
    tiny.write("notes.txt", "before").test("""
        import pathlib
        def test_edits():
            pathlib.Path("notes.txt").write_text("after")
    """)
    ran = tiny.greenlane("lane", "core")
    assert (ran.code, ran.codes) == (1, {"STALE"}), ran.output
    assert ran.message("STALE") == "files of the work tree changed while the lane ran: notes.txt"
