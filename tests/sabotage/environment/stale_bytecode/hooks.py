import os


def after(tiny):
    """Edit the helper, as fast as a script does."""
    path = tiny.path / "tests" / "helper_of_ours.py"
    times = path.stat()
    path.write_text("ANSWER = 43\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
