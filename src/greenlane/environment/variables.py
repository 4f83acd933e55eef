"""What a lane's processes see of the caller's environment: an allow-list, never a copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from greenlane.config.variables import split_entries

PASSED = (
    "CI",
    "FORCE_COLOR",
    "NO_COLOR",
    "PYTEST_ADDOPTS",
    "PYTEST_XDIST_AUTO_NUM_WORKERS",
    "ND_REAL",
    "READINESS_EXPECT",
    "STRICT_READY",
)
"""Names that every lane may see; none of them carries a secret."""

MEASURED = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
"""Names by which coverage.py measures the processes that a measured process starts."""

WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "NUMBER_OF_PROCESSORS")
"""Names without which no program starts on Windows."""

INSTALL_PREFIXES = ("UV_", "PIP_", "NPM_CONFIG_", "SSL_CERT_")
INSTALL_PASSED = (
    "PATH", "HOME", "TMPDIR", "LANG", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "XDG_CACHE_HOME",
    *WINDOWS,
)  # fmt: skip
"""What an installation sees, which unlike a lane needs certificates and the user's package settings."""


def lane_environment(
    outer: Mapping[str, str],
    *,
    base_environment: Mapping[str, str],
    entries: Iterable[str] = (),
    endpoints: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
) -> dict[str, str]:
    """Return the whole environment of a lane process.

    Args:
        base_environment: what the lane cannot run without (PATH, HOME, TMPDIR, locale, time zone, hash seed).
        entries: what the lane declares, `NAME` or `NAME=value`.
        endpoints: address variables, which always win over the caller's.
        secrets: names of the secrets of open gates.
    """
    names, values = split_entries(entries)
    result = {name: outer[name] for name in (*PASSED, *MEASURED, *WINDOWS, *names) if name in outer}
    result.update(values)
    result.update({name: outer[name] for name in secrets if name in outer})
    result.update(endpoints or {})
    result.update(base_environment)
    return result


def install_environment(outer: Mapping[str, str], build: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment of an installation: package settings and certificates, no secret of a provider.

    Args:
        build: what the project's own build gets beside that, `NAME` or `NAME=value`.
    """
    names, values = split_entries(build)
    kept = {
        name: value
        for name, value in outer.items()
        if name in INSTALL_PASSED or name.upper().startswith(INSTALL_PREFIXES) or name in names
    }
    fixed = {"UV_PYTHON_DOWNLOADS": "never", "NODE_USE_SYSTEM_CA": "1", "PYTHONNOUSERSITE": "1"}
    return {**kept, **values, **fixed}
