"""An S3 server on loopback, for tests of machines that share saved models."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def s3_server() -> Iterator[str]:
    """Give the address of an empty bucket; variables lead to its server meanwhile."""
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        # The servers of one process have their buckets in common.
        bucket = f"matrix-{uuid.uuid4().hex}"
        s3fs.S3FileSystem().mkdir(bucket)
        try:
            yield f"s3://{bucket}/shared"
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
            server.stop()
