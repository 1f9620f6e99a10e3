"""The commands `formreader template ...`: make templates of forms, and check them."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import click

from formreader.cli.error_handling import EXIT_CODES, Command, is_verbose
from formreader.cli.progress import ScanDisplay, print_message
from formreader.cli.shared_options import scan_option
from formreader.cli.stop_signals import stop_on_signal
from formreader.core.errors import ExitCode
from formreader.core.options import ScanOptions

labels_option = click.option(
    "--labels", is_flag=True,
    help="Name the fields after what is printed beside or above them: half a minute for each "
    "form. Needs pip install 'formreader[labels]'.",
)  # fmt: skip


class _Group(click.Group):
    """A group whose commands return exit codes and help with mistyped options."""

    command_class = Command


@click.group(cls=_Group, epilog=EXIT_CODES)
def template() -> None:
    """Make templates of forms from scanned pages, and check them.

    A template says where the fields of a form are and what they are called. With it, `formreader
    scan --template` makes a table with one row a form and one named column a field.

    \b
    Examples:
      formreader template learn scans/ --out templates/
      formreader template new blank.pdf --out templates/tally
      formreader template edit templates/tally
      formreader template check templates/
      formreader template print templates/tally --out tally.pdf
    """


@template.command()
@click.argument("paths", nargs=-1, required=True, metavar="SCANS...")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("templates"), metavar="FOLDER",
    show_default=True, help="Folder for the templates, one folder each.",
)  # fmt: skip
@labels_option
@scan_option("workers")
def learn(paths: tuple[str, ...], out: Path, labels: bool, workers: int, quiet: bool) -> ExitCode:
    """Sort scanned pages into the forms that they are, and make a template of each.

    SCANS are files and folders as for `formreader scan`: filled-in pages in any order and of
    several forms. Fields are called F01, F02, ... in reading order, or, with --labels, after
    what is printed at them; change the names with `formreader template edit`.

    \b
    Example:
      formreader template learn scans/ --out templates/
    """
    display = ScanDisplay(quiet, is_verbose())
    with closing(display), stop_on_signal(display):
        from formreader.batch.template_learning import learn_templates  # slow

        _check_labels(labels)
        learned = learn_templates(ScanOptions(paths, workers=workers), out, display)
    if labels:
        _label([out / form.template.name for form in learned], quiet)
    for form in learned:
        pages = len(form.labels)
        if not quiet:
            kinds = Counter(one.rules.kind for one in form.template.fields if one.rules.kind)
            told = (f"{count:,} seem to be {kind}s" for kind, count in sorted(kinds.items()))
            print_message(
                f"{form.template.name}: {pages:,} page{'s' * (pages != 1)}, "
                f"{', '.join((f'{len(form.template.fields):,} fields', *told))}, "
                f"as on {form.labels[0]}"
            )
        click.echo(out / form.template.name)
    return ExitCode.DONE


@template.command()
@click.argument("pages", nargs=-1, required=True, metavar="PAGE...")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="FOLDER",
    help="Folder for the template; its name becomes the form's.",
)  # fmt: skip
@labels_option
@scan_option("workers")
def new(pages: tuple[str, ...], out: Path, labels: bool, workers: int, quiet: bool) -> ExitCode:
    """Make the template of one form from a blank or filled-in page, or several.

    A fillable PDF is one already: its fields are taken as they are, with their names, the boxes of
    combs, and the formats of numbers and dates. Each of its pages becomes a form.

    \b
    Examples:
      formreader template new blank.pdf --out templates/tally
      formreader template new scan1.png scan2.png --out templates/tally
    """
    display = ScanDisplay(quiet, is_verbose())
    with closing(display), stop_on_signal(display):
        from formreader.batch.template_learning import new_template  # slow

        _check_labels(labels)
        forms = new_template(ScanOptions(pages, workers=workers), out, display)
    if labels:
        _label(list(forms), quiet)
    for folder, form in forms.items():
        if not quiet:
            fields = form.template.fields
            ignored = sum(field.ignored for field in fields)
            words = f", {ignored:,} of them for words and not read" if ignored else ""
            print_message(f"{form.template.name}: {len(fields):,} fields{words}")
        click.echo(folder)
    return ExitCode.DONE


@template.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, metavar="FILE",
    show_default="edit.html in the folder", help="Where to write the page.",
)  # fmt: skip
@click.option(
    "--apply", "edited", type=click.Path(path_type=Path), default=None, metavar="FILE",
    help="First put what the page saved as a download, edited-templates.json, into the folder.",
)  # fmt: skip
def edit(folder: Path, out: Path | None, edited: Path | None, quiet: bool) -> ExitCode:
    """Write a page on which the fields of templates are named and changed, in a browser.

    FOLDER is that of a template, or one with several. Open the page and type names: Enter goes on
    to the next field. Add, move, split, join and delete fields by mouse and keyboard, name whole
    tables, and write rules. The page saves into FOLDER; a browser that cannot makes one download
    of all forms, which --apply checks and takes over. Nothing is loaded from a network.

    \b
    Examples:
      formreader template edit templates/
      formreader template edit templates/ --apply ~/Downloads/edited-templates.json
    """
    from formreader.template.editor.editor_page import apply_edited, write_editor_page  # slow

    if edited is not None:
        apply_edited(folder, edited)
    click.echo(write_editor_page(folder, out))
    return ExitCode.DONE


@template.command("print")
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="FILE.pdf",
    help="Where to write the form.",
)  # fmt: skip
@click.option(
    "--paper", type=click.Choice(("a4", "a5", "letter")), default="a4", show_default=True,
    help="Size of the paper.",
)  # fmt: skip
def print_forms(folder: Path, out: Path, paper: str, quiet: bool) -> ExitCode:
    """Write a template as an empty form to print, a page for each form in FOLDER.

    The form has the boxes and cells where the template has them, their names, the name of the
    form, and codes by which it is recognised. Its picture, printed.png, comes into the template's
    folder: a scan with the template then knows the printed form as well as the one that the
    template was made of. A folder with a template.toml alone becomes a template by it.

    \b
    Example:
      formreader template print templates/tally --out tally.pdf
    """
    from formreader.template.printed_form import print_templates  # slow

    for form in print_templates(folder, out, paper):
        if not quiet:
            print_message(f"{form.name}: {len(form.fields):,} fields")
    click.echo(out)
    return ExitCode.DONE


@template.command()
@click.argument("templates", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--draw", type=click.Path(path_type=Path), default=None, metavar="FOLDER",
    help="Write a picture of each form with its fields and their names into this folder.",
)  # fmt: skip
def check(templates: Path, draw: Path | None, quiet: bool) -> ExitCode:
    """Check a template, or all templates in a folder.

    What is wrong is told with line and key, and the exit code is 4.

    \b
    Examples:
      formreader template check templates/
      formreader template check templates/tally --draw pictures/
    """
    from formreader.template.template_check import check_templates  # slow

    for form in check_templates(templates, draw):
        if not quiet:
            click.echo(f"{form.name}: {len(form.fields):,} fields, in order")
    return ExitCode.DONE


def _check_labels(wanted: bool) -> None:
    """Check before pages are read that the package that reads print is there (UsageError)."""
    if wanted:
        from formreader.template.print_reader import check_labels_installed  # slow

        check_labels_installed()


def _label(folders: list[Path], quiet: bool) -> None:
    """Name the fields of templates after their print."""
    from formreader.template.field_labels import label_templates  # slow
    from formreader.template.print_reader import RapidReader

    if not quiet:
        print_message("Reading the print of the forms, for names of their fields")
    label_templates(folders, RapidReader())
