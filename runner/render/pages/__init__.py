"""The pages of the site, a module each: a new page is a module, its template, and a row here."""

from runner.render.page import Page
from runner.render.pages import (
    about,
    boundaries,
    causes,
    cell,
    claims,
    compare,
    controls,
    environments,
    errors,
    file,
    index,
    pictures,
    release,
    remedies,
    scenario,
    scenarios,
    search,
)

_MODULES = (
    about,
    boundaries,
    causes,
    cell,
    claims,
    compare,
    controls,
    environments,
    errors,
    file,
    index,
    pictures,
    release,
    remedies,
    scenario,
    scenarios,
    search,
)

PAGES: tuple[Page, ...] = tuple(
    sorted((module.PAGE for module in _MODULES), key=lambda page: page.order)
)
"""Every page, in the order of the navigation."""
