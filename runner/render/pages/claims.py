"""The claims of the articles, each with its verdict and the cells that decide it."""

from __future__ import annotations

from collections.abc import Iterator

from runner.domain.claims import VERDICT_STYLES
from runner.render.page import File, Page, Site


def _files(site: Site) -> Iterator[File]:
    data = site.data
    claims = data.claims.claims if data.claims else ()
    articles = data.claims.articles if data.claims else ()
    by_article = [
        (article, [each for each in claims if each.article == article.file]) for article in articles
    ]
    totals = [
        (style, sum(each.verdict == style.verdict for each in claims)) for style in VERDICT_STYLES
    ]
    yield site.render(PAGE, by_article=by_article, totals=totals)


PAGE = Page(name="claims", order=60, label="Claims", files=_files)
