"""What a hermetic lane sees of its work tree: the files that it declares as inputs, and nothing else."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import msgspec

MS_BIND, MS_REC = 0x1000, 0x4000


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown of a folder.

    Attributes:
        root: the folder; what is shown of it lies where it was.
        paths: files, links and folders below it that are shown, relative to it; a folder with all that is in it.
        stage: an empty folder outside of the root in which the view is put together.
    """

    root: str
    paths: tuple[str, ...]
    stage: str


def show_only(view: View) -> None:
    """Put, for this process and its children, a folder in the place of the root that holds only what is shown.

    The process must be in a mount namespace of its own that it may change.

    Raises:
        OSError: the kernel refused.
    """
    _mount("tmpfs", view.stage, "tmpfs", 0)
    for path in view.paths:
        _show(os.path.join(view.root, path), os.path.join(view.stage, path))
    _mount(view.stage, view.root, "", MS_BIND | MS_REC)
    # Whoever stands in the folder still stands in the old one.
    os.chdir(view.root)


def _show(source: str, target: str) -> None:
    """Show one file, link or folder in the stage."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        Path(target).touch()
    _mount(source, target, "", MS_BIND | MS_REC)


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    """Mount; see mount(2).

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    words = os.fsencode(source), os.fsencode(target), kind.encode() or None
    if libc.mount(*words, ctypes.c_ulong(flags), None):
        number = ctypes.get_errno()
        raise OSError(number, f"the kernel refused to show {source}: {os.strerror(number)}")
