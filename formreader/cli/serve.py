"""`formreader serve`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from formreader.batch.worker_process import WORKER_IMPORTS, start_early
from formreader.cli.error_handling import Command, check_one_threshold, set_up_logging
from formreader.cli.progress import print_message
from formreader.cli.shared_options import (
    number,
    reading_options,
    scan_option,
    verbosity_options,
    with_scan_options,
)
from formreader.core.errors import ExitCode, UsageError
from formreader.core.installed import is_installed
from formreader.core.options import ScanOptions, ServeOptions, WatchJobs

SERVE = ServeOptions()

_PACKAGES = ("fastapi", "python_multipart", "uvicorn")
"""What the extra `serve` installs."""


@verbosity_options
@reading_options
@click.command(cls=Command)
@click.option(
    "--host", default=SERVE.host, metavar="ADDRESS", show_default=True,
    help="Address to listen on; 0.0.0.0 for all of the machine's. Any that other machines can "
    "reach needs --token-file.",
)  # fmt: skip
@click.option(
    "--port", type=number("port"), default=SERVE.port, metavar="N", show_default=True,
    help="Port to listen on; 0 for one that is free.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(path_type=Path), default=SERVE.data, metavar="FOLDER",
    show_default=True, help="Folder for jobs and templates; made if missing.",
)  # fmt: skip
@click.option(
    "--token-file", type=click.Path(path_type=Path), default=SERVE.token_file, metavar="FILE",
    help="File with the secret that clients must give.",
)  # fmt: skip
@click.option(
    "--allow-host", "hosts", multiple=True, metavar="NAME",
    help="Name by which clients call the service, such as forms.example.org. May be given several "
    "times.",
)  # fmt: skip
@scan_option(
    "template", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Folder of templates: all jobs are read with them unless they say otherwise.  [default: "
    "those made in the service]",
)  # fmt: skip
@click.option(
    "--keep-days", type=number("keep_days"), default=SERVE.keep_days, metavar="N",
    show_default=True, help="Finished jobs are deleted after this many days; 0 for never.",
)  # fmt: skip
@click.option(
    "--watch", type=click.Path(path_type=Path), default=SERVE.watch, metavar="FOLDER",
    help="Read what a scanner puts into this folder.",
)  # fmt: skip
@click.option(
    "--watch-move/--watch-leave", default=SERVE.watch_move, show_default="move",
    help="Whether files that were taken from the watched folder leave it.",
)  # fmt: skip
@click.option(
    "--watch-jobs", type=click.Choice(get_args(WatchJobs)), default=SERVE.watch_jobs,
    show_default=True, help="One job for all files of a day, or one for each folder in --watch.",
)  # fmt: skip
@click.option(
    "--max-upload", type=number("max_upload"), default=SERVE.max_upload,
    metavar="GIB", show_default=True, help="Largest upload in GiB, also when it is unpacked.",
)  # fmt: skip
@scan_option("max_pages", help="Most pages of one upload.")
@click.option(
    "--max-queue", type=number("max_queue"), default=SERVE.max_queue, metavar="N",
    show_default=True, help="Most jobs that wait or are read at a time.",
)  # fmt: skip
@click.option(
    "--max-queue-client", type=number("max_queue_client"), default=SERVE.max_queue_client,
    metavar="N", show_default=True, help="The same of one client's address.",
)  # fmt: skip
@scan_option("language")
@scan_option("workers")
@scan_option("page_timeout")
@scan_option("memory")
@with_scan_options
def serve(
    scan: ScanOptions,
    host: str,
    port: int,
    data: Path,
    token_file: Path | None,
    hosts: tuple[str, ...],
    keep_days: float,
    watch: Path | None,
    watch_move: bool,
    watch_jobs: WatchJobs,
    max_upload: float,
    max_queue: int,
    max_queue_client: int,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Read forms for other people and programs: a web page, and REST.

    Uploads become jobs, which are read as `formreader scan` reads them. Jobs that are not done
    when the service ends are gone on with when it starts again. It needs three more packages:
    pip install 'formreader[serve]'.

    \b
    Examples:
      formreader serve
      formreader serve --data /srv/forms --watch /srv/scanner
      formreader serve --host 0.0.0.0 --token-file token.txt --allow-host forms.example.org
    """
    set_up_logging(verbose, quiet)
    check_one_threshold(scan.max_error)
    if missing := [name for name in _PACKAGES if not is_installed(name)]:
        raise UsageError(
            f"The service needs more packages than scanning ({', '.join(missing)} is missing). "
            "Install them: pip install 'formreader[serve]'"
        )
    options = ServeOptions(
        replace(scan, max_size=max_upload), host, port, data, token_file, hosts, keep_days,
        max_upload, max_queue, max_queue_client, watch, watch_move, watch_jobs,
    )  # fmt: skip
    start_early(WORKER_IMPORTS)
    from formreader.service.run_service import serve as run

    run(options, print_message if not quiet else _say_nothing)
    return ExitCode.DONE


def _say_nothing(text: str) -> None:
    """Print nothing, for `--quiet`."""
