"""What the site holds beside its pages of the matrix, made from the same data.

Input: the published data and the coded cells. Output: `(name, text)` of each file: the
page that compares two runs, pictures, badges, the feed of changes, the JSON API, and the
map of the site. Nothing here reads anything but the data.
"""

from runner.render.extras.files import (
    EXTRA_ASSETS,
    extra_files,
    prepare_templates,
    round_off_address,
    sitemap_text,
)

__all__ = [
    "EXTRA_ASSETS",
    "extra_files",
    "prepare_templates",
    "round_off_address",
    "sitemap_text",
]
