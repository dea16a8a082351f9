"""The `gridcover` command whole: the library's commands, and those that serve.

As in `geo.cli`, what a command needs is imported where it runs; groups of commands of other modules
are loaded when one of them is called.
"""

from __future__ import annotations

import signal
import time
from importlib import import_module
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from geo.cli import app, console, name_store, progress_lines, require_current_or_migrate
from geo.errors import GridcoverError

if TYPE_CHECKING:
    from geo.settings import Settings

GROUPS = {
    "user": ("service.admin_commands", "user", "People who may sign in."),
    "audit": ("service.admin_commands", "record", "The record of who saw and did what."),
    "token": ("service.admin_commands", "token", "Tokens of other systems."),
    "webhook": ("service.admin_commands", "webhook", "Systems that alerts are sent to."),
}
"""Groups of commands: their module, their name there, and their line in ``gridcover --help``."""


class _Unloaded(TyperGroup):
    """A group of commands that stands in the help and is loaded when it is called."""

    def __init__(self, name: str, module: str, attribute: str, line: str) -> None:
        super().__init__(name=name, help=line, no_args_is_help=True)
        self.source = module, attribute

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Return the context of the group itself."""
        module, attribute = self.source
        loaded = get_group(getattr(import_module(module), attribute))
        return loaded.make_context(info_name, args, parent=parent, **extra)


class _Commands(TyperGroup):
    """The library's commands, and the groups that are not loaded yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, (module, attribute, line) in GROUPS.items():
            self.add_command(_Unloaded(name, module, attribute, line))


app.info.cls = _Commands


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 for any free one.")] = None,
) -> None:
    """Serve the maps."""
    from geo.kernels import compiling
    from geo.settings import get_settings
    from geo.store.connection import connect, database
    from geo.store.queries.users import count_users
    from service.server import run

    settings = get_settings()
    # The kernels are ready, or nearly so, when the first request needs them.
    with compiling(), database(supervised=True) as conninfo:
        require_current_or_migrate(conninfo)
        with connect(conninfo) as conn:
            name_store(conn)
            if not count_users(conn):
                console.print(
                    "Nobody can sign in yet: `gridcover user add NAME --role administrator --everywhere`"
                )
        run(
            conninfo,
            settings=settings,
            host=host or settings.host,
            port=settings.port if port is None else port,
            exact=_is_set(settings, port),
            announce=console.print,
        )


def _is_set(settings: Settings, port: int | None) -> bool:
    """Return whether the port was asked for, so that no other will do."""
    return port is not None or "port" in settings.model_fields_set


@app.command()
def work() -> None:
    """Take jobs from the queue until stopped; `serve` runs one of these unless told otherwise."""
    from geo.store.connection import database
    from service.child_process import end_with_parent
    from service.worker.queue import run_worker

    end_with_parent()
    with database(supervised=True) as conninfo:
        require_current_or_migrate(conninfo)
        run_worker(conninfo)


@app.command()
def demo(
    port: Annotated[
        int | None, typer.Option(help="Port; unless given, the next free one where 8765 is taken.")
    ] = None,
    once: Annotated[bool, typer.Option(help="Prepare everything, then stop.")] = False,
) -> None:
    """Private PostGIS, demo district, analysis and maps, in one go."""
    from geo import pipeline
    from geo.demo import load_demo
    from geo.kernels import compiling, wait_for
    from geo.settings import get_settings
    from geo.store.connection import connect, database
    from geo.store.migration import migrate
    from service.server import run

    settings = get_settings()
    if settings.database_url is None:
        settings = settings.model_copy(update={"data_dir": settings.data_dir / "demo"})
    begun = time.monotonic()
    with compiling() as kernels, database(settings, supervised=True) as conninfo:
        with progress_lines() as progress:
            progress("migrating")
            migrate(conninfo)
            with connect(conninfo) as conn:
                if kernels:  # the demo's cameras are placed by what they see
                    progress("compiling what computes, once on this machine")
                    wait_for(kernels)
                progress("loading the demo district")
                counts = load_demo(conn)
                result = pipeline.refresh_all(conn, settings, progress=progress).coverage
        listed = ", ".join(f"{n:,} {name}" for name, n in counts.items())
        console.print(f"Demo district: {listed}.", highlight=False)
        console.print(
            f"Run {result.run} ready after {time.monotonic() - begun:.1f} s.", highlight=False
        )
        if not once:
            password = _demo_user(conninfo)
            console.print(f"Sign in as {DEMO_USER} with the password {password}", highlight=False)
            if settings.database_url is None:
                console.print(
                    f"Commands for this store: GRIDCOVER_DATA_DIR={settings.data_dir} gridcover …",
                    highlight=False, markup=False, soft_wrap=True,
                )  # fmt: skip
            run(
                conninfo,
                settings=settings,
                host="127.0.0.1",
                port=settings.port if port is None else port,
                exact=_is_set(settings, port),
                announce=console.print,
            )


DEMO_USER = "demo"


def _demo_user(conninfo: str) -> str:
    """The demo's one account with a new random password."""
    from geo.store.connection import connect
    from geo.store.queries.users import add_user, set_password
    from geo.store.scope import EVERYWHERE
    from service.admin_commands import audit_cli_action
    from service.auth.passwords import generate_password, hash_password

    password = generate_password()
    digest = hash_password(password)
    with connect(conninfo) as conn:
        if not set_password(conn, DEMO_USER, digest):
            add_user(conn, DEMO_USER, digest, "administrator", [EVERYWHERE])
        audit_cli_action(conn, "password set", DEMO_USER)
    return password


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command; errors of ours are one line and exit status 1."""
    # A terminated process must still stop the cluster it started.
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGHUP, _terminate)
    try:
        app()
    except GridcoverError as error:
        console.print(f"gridcover: {error}", style="red", markup=False, highlight=False)
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
