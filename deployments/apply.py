"""Apply prefect.yaml to a Prefect server: the work pool, the deployments, the zombie automation. Safe to repeat.

What lives here: what prefect.yaml cannot say (the pool, the automation, where your feed is). What may not: settings of
Draftline. The server is the one that Prefect's own PREFECT_API_URL names.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from prefect.automations import AutomationCore, EventTrigger, Posture
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.actions import ChangeFlowRunState
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import get_current_settings
from prefect.workers.process import ProcessWorker

PREFECT_FILE = Path(__file__).with_name("prefect.yaml")
PACKAGES_ROOT = Path(__file__).resolve().parents[1]
POOL = "draftline"
PROCESS = "process"
CATALOG = "catalog/catalog"
RECOVERY = "recovery/recovery"
NIGHTLY = "nightly"
DEPLOY_TIMEOUT_S = 300.0

ZOMBIES = "Draftline: runs whose process is gone"
HEARTBEAT_S = 30  # what workers are started with (PREFECT_FLOWS_HEARTBEAT_FREQUENCY); Prefect allows no less
# Six missed beats: an upscale can keep every core busy, and a crash declared too early is a lie while it lasts.
SILENT_S = 6 * HEARTBEAT_S

EXAMPLES = """examples:
  python -m deployments
  python -m deployments --working-dir /srv/shop --feed feeds/products.csv --photos photos --nightly on
  python -m deployments --nightly off
"""


@dataclass(frozen=True)
class Options:
    """What an installation sets. An empty text and None keep what the server already has, else prefect.yaml's."""

    working_dir: Path
    feed: str = ""
    photos: str = ""
    style: str = ""
    time_zone: str = ""
    nightly: bool | None = None

    def catalog_parameters(self) -> dict[str, str]:
        given = {"feed": self.feed, "photos": self.photos, "style": self.style}
        return {name: value for name, value in given.items() if value}


def main(arguments: list[str] | None = None) -> int:
    """0 when everything is in place, 1 when the server refused or did not answer, 2 for arguments without sense."""
    options = _options(arguments)
    try:
        asyncio.run(apply(options))
    except (httpx.HTTPError, PrefectHTTPStatusError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"deployments: {get_current_settings().api.url}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


async def apply(options: Options) -> None:
    """Pool, deployments, automation. Raises httpx.HTTPError, RuntimeError or CalledProcessError."""
    if not get_current_settings().api.url:
        raise RuntimeError("no server: set PREFECT_API_URL, e.g. http://127.0.0.1:4200/api")
    async with get_client() as client:
        pool_type = await ensure_pool(client, options.working_dir)
        file = rendered(yaml.safe_load(PREFECT_FILE.read_text("utf-8")), await _existing(client, CATALOG), options)
        file = with_switches(file, await _existing(client, RECOVERY))
        if pool_type == PROCESS:
            file = started_in(file, options.working_dir)
        deploy(file)
        await ensure_automation(client, zombie_automation())
    names = ", ".join(deployment["name"] for deployment in file["deployments"])
    print(f"work pool {POOL} (in {options.working_dir}), deployments {names}, automation {ZOMBIES!r}")


async def ensure_pool(client: PrefectClient, working_dir: Path) -> str:
    """A process pool whose runs start in `working_dir`; returns the pool's type. Without a working directory each run
    would start in a folder of its own in /tmp, where no relative path of a feed means anything."""
    try:
        pool = await client.read_work_pool(POOL)
    except ObjectNotFound:
        template = pool_template(ProcessWorker.get_default_base_job_template(), working_dir)
        await client.create_work_pool(WorkPoolCreate(name=POOL, type=PROCESS, base_job_template=template))
        return PROCESS
    if pool.type == PROCESS:  # a pool of another type has its own job template, and it is not ours to write
        template = pool_template(pool.base_job_template, working_dir)
        await client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    return str(pool.type)


def pool_template(template: dict[str, Any], working_dir: Path) -> dict[str, Any]:
    variables = template["variables"]
    field = {**variables["properties"]["working_dir"], "default": str(working_dir.absolute())}
    return {**template, "variables": {**variables, "properties": {**variables["properties"], "working_dir": field}}}


async def _existing(client: PrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return await client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def rendered(file: dict[str, Any], existing: DeploymentResponse | None, options: Options) -> dict[str, Any]:
    """prefect.yaml with this installation's feed. What was set on the server before (parameters of the catalog, its
    nightly switch) stays unless the options say otherwise: an upgrade must not turn a night off, or on."""
    catalog = next(deployment for deployment in file["deployments"] if deployment["name"] == "catalog")
    params, schedule = catalog["parameters"]["params"], catalog["schedules"][0]
    if existing is not None:
        params |= existing.parameters.get("params", {})
        schedule["active"] = any(s.active for s in existing.schedules if s.slug == NIGHTLY)
    params |= options.catalog_parameters()
    if options.time_zone:
        schedule["timezone"] = options.time_zone
    if options.nightly is not None:
        schedule["active"] = options.nightly
    return file


def with_switches(file: dict[str, Any], existing: DeploymentResponse | None) -> dict[str, Any]:
    """Recovery's schedule as somebody left it on the server: delivered switched on, and off stays off."""
    if existing is None:
        return file
    switches = {schedule.slug: schedule.active for schedule in existing.schedules}
    recovery = next(deployment for deployment in file["deployments"] if deployment["name"] == "recovery")
    for schedule in recovery["schedules"]:
        schedule["active"] = switches.get(schedule["slug"], schedule["active"])
    return file


def started_in(file: dict[str, Any], working_dir: Path) -> dict[str, Any]:
    """Every deployment with its working directory: a running worker reads the pool's again only every half minute."""
    variables = {"job_variables": {"working_dir": str(working_dir.absolute())}}
    deployments = [{**one, "work_pool": {**one["work_pool"], **variables}} for one in file["deployments"]]
    return {**file, "deployments": deployments}


def deploy(file: dict[str, Any]) -> None:
    """`prefect deploy --all`, which is the one reader of that format. Raises RuntimeError with its last words."""
    with tempfile.TemporaryDirectory(prefix="draftline-deploy-") as folder:
        path = Path(folder) / "prefect.yaml"
        path.write_text(yaml.safe_dump(file, sort_keys=False, allow_unicode=True), encoding="utf-8")
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(path)]
        answer = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, timeout=DEPLOY_TIMEOUT_S, check=False
        )
    if answer.returncode:
        raise RuntimeError(
            f"prefect deploy ended with {answer.returncode}:\n{answer.stdout[-3000:]}{answer.stderr[-3000:]}"
        )


def _environment() -> dict[str, str]:
    """Prefect imports the flows to read their forms: from here, whatever the working directory is."""
    path = [str(PACKAGES_ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    api = str(get_current_settings().api.url)  # ours may come from a profile, or from a test's own settings
    return os.environ | {"PYTHONPATH": os.pathsep.join(path), "PREFECT_API_URL": api, "NO_COLOR": "1", "COLUMNS": "120"}


def zombie_automation() -> AutomationCore:
    """A run whose process and worker are both gone stays Running for ever, and holds the catalog's one place: Prefect
    only hears that the beats stop. Marked crashed, it can be started again; the ledger pays for nothing twice."""
    ends = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
    trigger = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.heartbeat", *ends},
        match={"prefect.resource.id": ["prefect.flow-run.*"]},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=SILENT_S),
    )
    message = f"no sign of life for {SILENT_S} s; start it again: what was paid is not paid twice"
    action = ChangeFlowRunState(name=None, state=StateType.CRASHED, message=message, force=False)
    description = f"Marks a run crashed when its process has been silent for {SILENT_S} s."
    return AutomationCore(name=ZOMBIES, description=description, trigger=trigger, actions=[action])


async def ensure_automation(client: PrefectClient, wanted: AutomationCore) -> None:
    """Have exactly one of that name, as it is wanted; whether it is switched on stays as it is. A changed one is made
    anew: prefect 3.8.8's own client sends a field with an update that its own server refuses (owner_resource)."""
    found = await client.read_automations_by_name(wanted.name)
    if len(found) == 1 and _same(found[0], wanted):
        return
    enabled = all(automation.enabled for automation in found)
    await client.create_automation(wanted.model_copy(update={"enabled": enabled}))
    for outdated in found:
        await client.delete_automation(outdated.id)


def _same(found: AutomationCore, wanted: AutomationCore) -> bool:
    kept = {"description", "trigger", "actions"}
    return found.model_dump(include=kept) == wanted.model_dump(include=kept)


def _options(arguments: list[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m deployments",
        description="Put Draftline's work pool, deployments and automation on the Prefect server of PREFECT_API_URL.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--working-dir",
        type=Path,
        default=Path.cwd(),
        metavar="DIR",
        help="where the worker's runs start (default: here)",
    )
    add("--feed", default="", help="the catalog's feed, seen from the working directory; empty keeps what is set")
    add("--photos", default="", metavar="DIR", help="its product photos")
    add("--style", default="", metavar="FILE.yaml", help="the shop's look")
    add("--nightly", choices=("on", "off", ""), default="", help="the nightly run; not given keeps it as it is")
    add("--time-zone", default="", metavar="ZONE", help="whose 02:30 the nightly run starts at (default: UTC)")
    parsed = parser.parse_args(arguments)
    nightly = {"on": True, "off": False, "": None}[parsed.nightly]
    if nightly and not parsed.feed:
        parser.error("--nightly on needs --feed: the sample shop must not run every night by accident")
    texts = {name: getattr(parsed, name) for name in ("feed", "photos", "style", "time_zone")}
    return Options(parsed.working_dir, nightly=nightly, **texts)
