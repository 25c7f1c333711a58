"""A bucket on this machine that answers like Amazon S3."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

NAME = "drop"


@dataclass
class Bucket:
    """The bucket ``drop``, and what was asked of it."""

    files: Any
    server: Any

    def put(self, **files: str) -> None:
        """Put files ``name.csv`` into it."""
        for name, text in files.items():
            self.files.pipe(f"{NAME}/{name}.csv", text.encode())

    def clear(self) -> None:
        """Remove all files."""
        self.files.invalidate_cache()
        for name in self.files.find(NAME):
            self.files.rm(name)


@contextmanager
def running_bucket() -> Iterator[Bucket]:
    """Run it; the environment leads all S3 clients of this process there."""
    import s3fs
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        about = {"ACCESS_KEY_ID": "somebody", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}
        for name, value in (about | {"ENDPOINT_URL": f"http://{host}:{port}", "EC2_METADATA_DISABLED": "true"}).items():
            patch.setenv(f"AWS_{name}", value)
        s3fs.S3FileSystem.clear_instance_cache()
        files = s3fs.S3FileSystem()
        if not files.exists(NAME):  # the stand-in keeps its buckets as long as the process lives
            files.mkdir(NAME)
        try:
            yield Bucket(files, server)
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
            server.stop()
