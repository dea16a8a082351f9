"""The `gridcover` command: the commands of the library, and those that serve.

As in `geo.cli`, a command imports what it needs inside its function. Groups of commands of
`service.admin_commands` are loaded when one of them is called.
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

from geo.cli import app
from geo.cli.output import console, report_progress
from geo.cli.store_access import print_store, require_current_or_migrate
from geo.errors import GridcoverError
from geo.store.audit_actions import AuditAction

if TYPE_CHECKING:
    from geo.settings import Settings

GROUPS = {
    "user": ("service.admin_commands.users", "user_group", "Accounts of people."),
    "audit": ("service.admin_commands.audit_log", "audit_group", "The audit log."),
    "token": ("service.admin_commands.tokens", "token_group", "API tokens of other systems."),
    "webhook": (
        "service.admin_commands.webhooks",
        "webhook_group",
        "Addresses that receive alerts.",
    ),
}
"""Groups of commands: their module, their name there, and their line in ``gridcover --help``."""

DEMO_USER = "demo"


class _LazyGroup(TyperGroup):
    """A group of commands whose module is imported when the group is called."""

    def __init__(self, name: str, module: str, attribute: str, line: str) -> None:
        super().__init__(name=name, help=line, no_args_is_help=True)
        self.source = module, attribute

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Return the context of the group itself."""
        module, attribute = self.source
        group = get_group(getattr(import_module(module), attribute))
        return group.make_context(info_name, args, parent=parent, **extra)


class _Commands(TyperGroup):
    """The commands of the library, and the groups that are not loaded yet."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, (module, attribute, line) in GROUPS.items():
            self.add_command(_LazyGroup(name, module, attribute, line))


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
            print_store(conn)
            if not count_users(conn):
                console.print(
                    "Nobody can sign in yet: "
                    "`gridcover user add NAME --role administrator --everywhere`"
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
    """Return whether the port was given, so that no other may be used instead."""
    return port is not None or "port" in settings.model_fields_set


@app.command()
def work() -> None:
    """Run a worker that takes jobs from the queue; `serve` runs one unless configured not to."""
    from geo.store.connection import database
    from service.child_process import end_with_parent
    from service.worker.worker_process import run_worker

    end_with_parent()
    with database(supervised=True) as conninfo:
        require_current_or_migrate(conninfo)
        run_worker(conninfo)


@app.command()
def demo(
    port: Annotated[
        int | None, typer.Option(help="Port; otherwise 8765, or the next free one.")
    ] = None,
    once: Annotated[bool, typer.Option(help="Prepare everything, then stop.")] = False,
) -> None:
    """Start a private PostGIS, load the demo district, compute, and serve the maps."""
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
    started = time.monotonic()
    with compiling() as compilers, database(settings, supervised=True) as conninfo:
        with report_progress() as progress:
            progress("migrating")
            migrate(conninfo)
            with connect(conninfo) as conn:
                if compilers:  # the demo places its cameras by what they see
                    progress("compiling the kernels, once on this machine")
                    wait_for(compilers)
                progress("loading the demo district")
                counts = load_demo(conn)
                result = pipeline.refresh_all(conn, settings, progress=progress).coverage
        contents = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        console.print(f"Demo district: {contents}.", highlight=False)
        elapsed = time.monotonic() - started
        console.print(f"Run {result.run} ready after {elapsed:.1f} s.", highlight=False)
        if not once:
            _print_sign_in(settings, _reset_demo_user(conninfo))
            run(
                conninfo,
                settings=settings,
                host="127.0.0.1",
                port=settings.port if port is None else port,
                exact=_is_set(settings, port),
                announce=console.print,
            )


def _print_sign_in(settings: Settings, password: str) -> None:
    console.print(f"Sign in as {DEMO_USER} with the password {password}", highlight=False)
    if settings.database_url is None:
        console.print(
            f"Commands for this store: GRIDCOVER_DATA_DIR={settings.data_dir} gridcover …",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _reset_demo_user(conninfo: str) -> str:
    """Create the account of the demo or set its password; return the new random password."""
    from geo.store.connection import connect
    from geo.store.queries.users import add_user, set_password
    from geo.store.scope import EVERYWHERE
    from service.admin_commands.audit_entry import audit_cli_action
    from service.auth.passwords import generate_password, hash_password

    password = generate_password()
    digest = hash_password(password)
    with connect(conninfo) as conn:
        if not set_password(conn, DEMO_USER, digest):
            add_user(conn, DEMO_USER, digest, "administrator", [EVERYWHERE])
        audit_cli_action(conn, AuditAction.PASSWORD_SET, DEMO_USER)
    return password


def _terminate(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line; print a `GridcoverError` as one line and exit with status 1."""
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
