"""`formreader audit`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from formreader.cli.error_handling import Command
from formreader.cli.progress import print_message
from formreader.cli.shared_options import number, seed_option
from formreader.core.errors import ExitCode, UsageError
from formreader.core.locations import Place, as_place

if TYPE_CHECKING:
    from formreader.review.audit_job import AuditOutcome, AuditPlan

DEFAULT_SAMPLE = 300
"""Fields of a sample: if none is wrong, at most 1 % of all are, with 95 % certainty."""


@click.command(cls=Command)
@click.argument("results", type=as_place, metavar="RESULTS")
@click.option(
    "--sample", type=number("sample"), metavar="N",
    help=f"Number of accepted fields to draw; {DEFAULT_SAMPLE} if not given.",
)  # fmt: skip
@click.option(
    "--answers", type=click.Path(path_type=Path), metavar="FILE",
    help="The audit.csv that the report of the sample saved: says how many values are wrong.",
)  # fmt: skip
@click.option(
    "--max-error", type=number("max_error"), metavar="E",
    help="Share of the accepted fields that may be wrong, such as 0.01.",
)  # fmt: skip
@seed_option
def audit(
    results: Place,
    sample: int | None,
    answers: Path | None,
    max_error: float | None,
    seed: int,
    quiet: bool,
) -> ExitCode:
    """Certify how many accepted values of a batch are wrong, by a blind random sample.

    First draw a sample of the accepted fields: it is written to a report beside the table RESULTS
    that shows nothing of what was read. Answer all of it in a browser and save audit.csv. Then
    give that with --answers: it prints how many accepted fields are wrong, with an exact upper
    bound at 95 % certainty, and writes a certificate beside the table.

    \b
    Examples:
      formreader audit results.csv --sample 300 --max-error 0.01
      formreader audit results.csv --answers audit.csv --max-error 0.01
    """
    if sample is not None and answers is not None:
        raise UsageError("--sample draws a sample and --answers judges one. Give one of them")
    from formreader.review.audit_job import finish_audit, plan_audit

    if answers is None:
        plan = plan_audit(results, sample or DEFAULT_SAMPLE, seed, max_error)
        lines, path = _plan_lines(plan, max_error), plan.report
    else:
        outcome = finish_audit(results, answers, max_error)
        lines, path = _outcome_lines(outcome), outcome.page
    for line in lines:
        if not quiet:
            print_message(line)
    click.echo(path)
    return ExitCode.DONE


def _plan_lines(plan: AuditPlan, max_error: float | None) -> Iterator[str]:
    yield f"{plan.sampled:,} of {plan.accepted:,} accepted fields were drawn; answer all of them"
    share = 100 * plan.bound / plan.accepted
    yield (
        f"If none of them is wrong, at most {plan.bound:,} of all ({share:.3g} %) are, with 95 % "
        "certainty"
    )
    if max_error is not None:
        enough = "enough" if plan.sampled >= plan.needed else f"give --sample {plan.needed}"
        share = 100 * max_error
        yield f"To show {share:.3g} %, {plan.needed:,} without an error are needed: {enough}"


def _outcome_lines(outcome: AuditOutcome) -> Iterator[str]:
    found = outcome.certificate
    yield from outcome.wrong
    yield f"{found.wrong:,} of {found.sampled:,} sampled fields are wrong"
    share = 100 * found.bound / found.accepted
    yield (
        f"Of {found.accepted:,} accepted fields {found.estimate:.1f} are estimated to be "
        f"wrong, with 95 % certainty at most {found.bound:,} ({share:.3g} %)"
    )
    if found.max_error is not None:
        verdict = "accepted" if found.passed else "not accepted"
        yield f"Allowed is {100 * found.max_error:.3g} %: the batch is {verdict}"
