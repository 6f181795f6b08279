"""A server that speaks S3 over real HTTP on this machine, for tests of the tables' store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from urllib.request import Request, urlopen

DUMMIES = {
    "AWS_ACCESS_KEY_ID": "essai",
    "AWS_SECRET_ACCESS_KEY": "essai",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """Serve an empty `bucket` and give the server's address; the environment names it inside the block."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        urlopen(Request(f"{address}/moto-api/reset", method="POST")).close()
        with mock.patch.dict(os.environ, DUMMIES | {"ATELIERS_STORE_ENDPOINT": address}):
            urlopen(Request(f"{address}/{bucket}", method="PUT")).close()
            yield address
    finally:
        server.stop()
