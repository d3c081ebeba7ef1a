"""The sandbox as an ASGI app: the vendors' routes, the sandbox's own, one World. Opened here, closed at shutdown."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import yaml
from starlette.applications import Starlette

from sandbox.admin import admin_routes
from sandbox.bfl.routes import bfl_routes
from sandbox.drills import drill_routes
from sandbox.google.routes import google_routes
from sandbox.options import SandboxOptions
from sandbox.world import open_world


def create_app(options: SandboxOptions) -> Starlette:
    """Opens the state folder and reads the rules file; FaultError or OSError when these are no good."""
    world = open_world(options)
    if options.rules_file:
        world.faults.replace(yaml.safe_load(options.rules_file.read_text(encoding="utf-8")))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        world.close()

    app = Starlette(routes=[*bfl_routes(), *google_routes(), *admin_routes(), *drill_routes()], lifespan=lifespan)
    app.state.world = world
    return app
