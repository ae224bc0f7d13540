"""`metaqnn report`: the results of a search, as text and as a page with figures."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from metaqnn.commands.common import add_format, add_run, folder_path
from metaqnn.output import as_json, rows_as_text, shell_quoted
from metaqnn.report.text import COLUMNS, SPARE, audit_line, epsilon_rows, headline
from metaqnn.results.audits import AuditSummary, summarise_audits
from metaqnn.results.summary import Summary, summarise
from metaqnn.session.find import reading
from metaqnn.session.run_folder import RunFolder

EXAMPLES = """examples:
  metaqnn report runs/NAME                   prints a summary; page and figures go to runs/NAME/report
  metaqnn report runs/NAME --to ~/page       page and figures go to ~/page
  metaqnn report runs/NAME --no-figures      text only
  metaqnn report runs/NAME --format json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of `metaqnn report`."""
    add_run(parser)
    page = parser.add_mutually_exclusive_group()
    page.add_argument(
        "--to",
        type=folder_path,
        metavar="DIR",
        help="folder for the page, index.html, and each figure, NAME.png (default: RUN/report)",
    )
    page.add_argument("--no-figures", action="store_true", help="print the text only")
    add_format(parser)


def execute(namespace: argparse.Namespace) -> int:
    """Print the summary, then write the page and the figures."""
    with reading(namespace.run) as reader:
        print(_text(summarise(reader), summarise_audits(reader), namespace.format), flush=True)
        if namespace.no_figures:
            return 0
        from metaqnn.report.files import write_report  # drawing is slow to import

        folder = RunFolder(namespace.run)
        page = write_report(reader, folder, namespace.to or folder.path / "report")
    if namespace.format == "table":
        print(f"\npage with figures: {shell_quoted(page)}")
    return 0


def _text(summary: Summary, audit: AuditSummary, output_format: str) -> str:
    if output_format == "json":
        return as_json({**summary.to_dict(), "audit": asdict(audit)})
    if output_format == "csv":
        return rows_as_text([vars(row) for row in summary.by_epsilon], "csv", COLUMNS)
    table = rows_as_text(epsilon_rows(summary), "table", COLUMNS, SPARE)
    return "\n".join([headline(summary), "", table, "", audit_line(audit)])
