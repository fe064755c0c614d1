"""The data that the scripts of the pages read, each file a script that hands over one value."""

from __future__ import annotations

from collections.abc import Iterator

from runner.analyse.attribution import attribute_failures
from runner.render.page import File, Site
from runner.render.scripts.cells import cell_scripts, record_cells
from runner.render.scripts.compare import compare_data
from runner.render.scripts.grids import pack_cells, split_grids
from runner.render.scripts.index import cause_data, index_data
from runner.render.scripts.script import packed_script, script
from runner.render.scripts.search import search_data
from runner.render.scripts.witness import witness_data


def script_files(site: Site) -> Iterator[File]:
    """`(name, text)` of every file of `data/`."""
    data, coded = site.data, site.coded
    yield "data/index.js", script("matrixIndex", index_data(data.run))
    yield "data/causes.js", packed_script("causes", cause_data(data.run))
    bare, others = split_grids(pack_cells(data, coded, site.advice))
    yield "data/grids.js", packed_script("grids", bare)
    yield "data/ways.js", packed_script("ways", others)
    yield "data/compare.js", packed_script("compare", compare_data(data, coded))
    yield (
        "data/search.js",
        script("matrixSearch", search_data(data, site.messages, site.declared.causes)),
    )
    witnesses = witness_data(data.run, site.declared.scenarios)
    yield "data/witness.js", script("matrixWitness", witnesses)
    recorded = record_cells(data, coded, attribute_failures(data.cells))
    for name, text in cell_scripts(coded, recorded):
        yield f"data/{name}", text
