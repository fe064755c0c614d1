"""A store to be opened again and again, and the warnings it gave."""

from __future__ import annotations

import pytest
from store_records import append_all, make_record

from runner.store import open_store


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def reopen(tmp_path, warnings):
    def open_again(**options):
        return open_store(tmp_path / "store", command="matrix run", warn=warnings.append, **options)

    return open_again


@pytest.fixture
def database(tmp_path):
    return tmp_path / "store" / "observations.sqlite"


@pytest.fixture
def write_records(reopen):
    def write(count, **options):
        records = [make_record(number, **options) for number in range(count)]
        with reopen() as store:
            append_all(store, records)
        return records

    return write
