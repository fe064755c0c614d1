"""The map of the site: the absolute addresses of its pages."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from runner.domain.errors import ConfigurationError


def round_off_address(base_url: str, option: str = "--base-url") -> str:
    """Return an address that a person gave with a slash at its end; empty stays so.

    Raises:
        ConfigurationError: it is no web address.
    """
    if not base_url:
        return ""
    if not base_url.startswith(("https://", "http://")) or set(base_url) & set(" \"'<>?#"):
        raise ConfigurationError(
            f"{option}: {base_url!r} is not an address a page can lead to",
            cause="it has to begin with https:// or http://, without a query",
            next_step=f"give {option} https://HOST/PATH/, or leave it out",
        )
    return base_url.rstrip("/") + "/"


def sitemap_text(names: Iterable[str], modified: str, base_url: str) -> str:
    """Write the map of the site from its pages' names; addresses in it have to be absolute."""
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
    ]
    for page in sorted(names):
        address = escape(base_url + ("" if page == "index.html" else page))
        lines.append(f"<url><loc>{address}</loc><lastmod>{escape(modified)}</lastmod></url>")
    return "\n".join([*lines, "</urlset>", ""])
