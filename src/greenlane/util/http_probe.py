"""One look at an HTTP server: a GET with a deadline, standard library only."""

from __future__ import annotations

from urllib.parse import urlsplit

LARGEST = 65536
"""Bytes of an answer that are read."""


def get(base: str, path: str, timeout: float) -> tuple[int, str]:
    """Return status and text of a GET.

    Args:
        base: address of the server, which may have a path of its own; path: what is asked for, after it.
        timeout: seconds for the connection, and for each read.

    Raises:
        OSError: there was no answer, with the reason.
    """
    import http.client  # brings ssl and email, which most runs never need

    parts = urlsplit(base)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path + path)
        response = connection.getresponse()
        return response.status, response.read(LARGEST).decode("utf-8", "replace")
    except http.client.HTTPException as error:
        raise OSError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
