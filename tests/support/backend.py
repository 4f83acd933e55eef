"""A project with a build backend of its own that needs nothing from an index: for what must hold for every backend."""

from __future__ import annotations

from support.tiny import TinyProject

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

BACKEND = '''\
"""A backend as any other: it alone knows the name, the version and the requirements."""
import os, subprocess, zipfile

NEEDS = {needs!r}

def version():
    if "PRETEND_VERSION" in os.environ:
        return os.environ["PRETEND_VERSION"]
    done = subprocess.run(["git", "describe", "--tags"], capture_output=True, text=True)
    return done.stdout.strip().lstrip("v") or "0.1.dev2"

def metadata():
    lines = ["Metadata-Version: 2.1", "Name: owned", "Version: " + version(), *NEEDS]
    return "\\n".join(lines) + "\\n"

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    {failure}
    return write_wheel(wheel_directory, "owned.py", open("owned.py").read())

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    {failure}
    return write_wheel(wheel_directory, "owned.pth", os.getcwd())

def write_wheel(wheel_directory, module, text):
    name = f"owned-{{version()}}-py3-none-any.whl"
    info = f"owned-{{version()}}.dist-info"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.writestr(module, text)
        wheel.writestr(f"{{info}}/METADATA", metadata())
        tags = "Generator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{{info}}/WHEEL", "Wheel-Version: 1.0\\n" + tags)
        names = [module, f"{{info}}/METADATA", f"{{info}}/WHEEL", f"{{info}}/RECORD"]
        wheel.writestr(f"{{info}}/RECORD", "".join(f"{{name}},,\\n" for name in names))
    return name
'''


def with_backend(project: TinyProject, *needs: str, failure: str = "") -> TinyProject:
    """Give a project a backend; call it after everything that writes `pyproject.toml`.

    Args:
        needs: lines of its metadata, as `Requires-Dist: x`.
        failure: a statement that ends the build.
    """
    file = project.path / "pyproject.toml"
    project.write("pyproject.toml", PYPROJECT + file.read_text())
    project.write("backend.py", BACKEND.format(needs=needs, failure=failure or "pass"))
    return project.write("owned.py", "value = 1\n")
