"""A small plan's declarations: three environments, three scenarios, four remedies."""

from __future__ import annotations

from msgspec import structs
from report_fixtures import make_environment, make_remedy, make_scenario

from runner.domain import Family, Format, Scope
from runner.domain.selector import KnownIds, select

OLD = structs.replace(
    make_environment("tf1.15", Family.TF_KERAS, 0), formats=frozenset({Format.H5})
)
NEW = make_environment("keras3.15", Family.KERAS3, 1)
SAVED = frozenset({Format.H5, Format.SAVED_MODEL})
MIDDLE = structs.replace(make_environment("tf2.15", Family.TF_KERAS, 2), formats=SAVED)
ENVIRONMENTS = (OLD, NEW)
SCENARIOS = {
    each.id: each
    for each in (
        make_scenario("plain_dense", remedies=("custom_objects", "rebuild_weights")),
        make_scenario("custom_loss_metric", remedies=("rebuild_weights", "custom_objects")),
        make_scenario("truncated_file", remedies=()),
    )
}
REMEDIES = {
    each.id: each
    for each in (
        make_remedy("none", 0),
        make_remedy("custom_objects", 1),
        make_remedy("rebuild_weights", 5),
        structs.replace(make_remedy("saved_model", 7), sibling=Format.SAVED_MODEL),
    )
}


def field(
    patterns=(), filters=None, environments=ENVIRONMENTS, scenarios=SCENARIOS, remedies=REMEDIES
):
    known = KnownIds(
        scenarios=tuple(scenarios),
        formats=tuple(map(str, Format)),
        environments=tuple(each.id for each in environments),
        remedies=tuple(remedies),
    )
    return Scope(
        scenarios=scenarios,
        remedies=remedies,
        environments=environments,
        selection=select(patterns, filters or {}, known),
    )


def ids(cells):
    return [cell.id for cell in cells]
