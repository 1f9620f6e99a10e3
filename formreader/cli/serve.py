"""`formreader serve`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from formreader.batch.worker_process import WORKER_IMPORTS, start_early
from formreader.cli.error_handling import Command, check_one_threshold
from formreader.cli.progress import print_message
from formreader.cli.shared_options import option, reading_options, scan_option, with_options
from formreader.core.errors import ExitCode, UsageError
from formreader.core.options import ScanOptions, ServeOptions, WatchJobs
from formreader.core.packages import is_installed

SERVE = ServeOptions()

_PACKAGES = ("fastapi", "python_multipart", "uvicorn")
"""What the extra `serve` installs."""


@click.command(cls=Command)
@option(
    SERVE, "host",
    "Address to listen on; 0.0.0.0 for all of the machine's. Any that other machines can "
    "reach needs --token-file.",
    metavar="ADDRESS",
)  # fmt: skip
@option(SERVE, "port", "Port to listen on; 0 for one that is free.", metavar="N")
@option(SERVE, "data", "Folder for jobs and templates; made if missing.", metavar="FOLDER")
@option(SERVE, "token_file", "File with the secret that clients must give.", metavar="FILE")
@option(
    SERVE, "hosts",
    "Name by which clients call the service, such as forms.example.org. May be given several "
    "times.",
    "--allow-host", multiple=True, metavar="NAME", show_default=False,
)  # fmt: skip
@scan_option(
    "template", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Folder of templates: all jobs are read with them unless they say otherwise.  [default: "
    "those made in the service]",
)  # fmt: skip
@option(
    SERVE, "keep_days", "Finished jobs are deleted after this many days; 0 for never.", metavar="N"
)
@option(SERVE, "watch", "Read what a scanner puts into this folder.", metavar="FOLDER")
@option(
    SERVE, "watch_move", "Whether files that were taken from the watched folder leave it.",
    "--watch-move/--watch-leave", show_default="move",
)  # fmt: skip
@option(
    SERVE, "watch_jobs", "One job for all files of a day, or one for each folder in --watch.",
    type=click.Choice(get_args(WatchJobs)),
)  # fmt: skip
@option(SERVE, "max_upload", "Largest upload in GiB, also when it is unpacked.", metavar="GIB")
@scan_option("max_pages", help="Most pages of one upload.")
@option(SERVE, "max_queue", "Most jobs that wait or are read at a time.", metavar="N")
@option(SERVE, "max_queue_client", "The same of one client's address.", metavar="N")
@scan_option("language")
@scan_option("workers")
@scan_option("page_timeout")
@scan_option("memory")
@reading_options
@with_options(ScanOptions, paths=())
@with_options(ServeOptions)
def serve(scan: ScanOptions, options: ServeOptions, quiet: bool) -> ExitCode:
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
    check_one_threshold(scan.max_error)
    if missing := [name for name in _PACKAGES if not is_installed(name)]:
        raise UsageError(
            f"The service needs more packages than scanning ({', '.join(missing)} is missing). "
            "Install them: pip install 'formreader[serve]'"
        )
    start_early(WORKER_IMPORTS)
    from formreader.service.run_service import serve as run

    scan = replace(scan, max_size=options.max_upload)
    run(replace(options, scan=scan), (lambda _: None) if quiet else print_message)
    return ExitCode.DONE
