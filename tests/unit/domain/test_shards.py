"""`i/n`, as it is typed."""

import pytest

from runner.domain.shards import Shard, parse_shard


def test_a_shard_is_read_and_written():
    assert parse_shard(" 3/12") == Shard(3, 12)
    assert str(Shard(3, 12)) == "3/12"


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "1/0", "-1/4", "a/b", "1/99999", "1/2/3"])
def test_anything_else_is_refused_with_the_reason(text):
    with pytest.raises(ValueError, match=r"i/n|shards|the first"):
        parse_shard(text)
