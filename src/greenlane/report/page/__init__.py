"""One self-contained HTML page: no request leaves it, it works from the disk, by mail and as a CI artifact."""

from greenlane.report.page.page import as_page

__all__ = ["as_page"]
