"""Real servers for tests: an S3 server of this session, on loopback, with random ports and credentials."""

from collections.abc import Iterator

import pytest

from draftline.embedded.supervisor import ensure
from storage.objects.settings import ObjectSettings


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectSettings]:
    """SeaweedFS with both buckets; the settings for a client of it."""
    with ensure({"s3"}, tmp_path_factory.mktemp("s3-server")) as running:
        assert running.s3 is not None
        found = running.s3.environment()
        yield ObjectSettings(
            endpoint_url=running.s3.url,
            access_key=found["DRAFTLINE_S3_ACCESS_KEY"],
            secret_key=found["DRAFTLINE_S3_SECRET_KEY"],
            private_bucket=found["DRAFTLINE_S3_PRIVATE_BUCKET"],
            public_bucket=found["DRAFTLINE_S3_PUBLIC_BUCKET"],
        )
