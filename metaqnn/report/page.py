"""The page of a search: one self-contained HTML file that needs neither other files nor a network."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from metaqnn import __version__
from metaqnn.figures import SearchView
from metaqnn.figures.accuracies import gist
from metaqnn.output import counted
from metaqnn.report.answer import answer
from metaqnn.report.drawing import Drawn
from metaqnn.report.scripts import bundle, theme_script
from metaqnn.report.templating import environment, moment
from metaqnn.report.text import COLUMNS, audit_line, epsilon_rows
from metaqnn.results.accuracy import shared_ranks
from metaqnn.results.long_trained import is_long_trained, long_trained
from metaqnn.results.settings import settings
from metaqnn.results.summary import unfinished
from metaqnn.session.notes import read_notes

TOP = 10
FAILURES = 10
"""How many of the best networks, and how many failures, the page lists."""
STYLES = "colours", "chain", "answers", "report", "print"
"""Style sheets, in this order."""


def page(view: SearchView, run: Path, owner: str | None, drawn: Sequence[Drawn]) -> str:
    """The page as HTML.

    Args:
        view: the search.
        run: its folder.
        owner: the process that runs it, if any.
        drawn: the figures, in the page's order.
    """
    scripts = [Markup(script) for script in (bundle().decode(), theme_script(), _file("page.js"))]
    finetuned, damaged = long_trained(run, view.accuracies, view.architectures)
    top = view.top(TOP)
    trained = is_long_trained(finetuned, top)
    return (
        environment("metaqnn.report")
        .get_template("report.html")
        .render(
            name=run.resolve().name,
            state=state(view, owner),
            unfinished=unfinished(owner),
            view=view,
            summary=view.summary,
            answer=answer(view, run, running=owner is not None, finetuned=trained),
            audits=audit_line(view.audit_summary).splitlines(),
            columns=COLUMNS,
            rows=epsilon_rows(view.summary),
            top=top,
            ranks=shared_ranks(top, view.config),
            notes=read_notes(run),
            finetuned=finetuned,
            damaged=damaged,
            drawn=drawn,
            failures=_failures(view),
            facts=_facts(view),
            made=moment(time.time()),
            version=__version__,
            styles=[Markup(_file(f"{name}.css")) for name in STYLES],
            scripts=scripts,
            hashes=[_hash(script) for script in scripts],
        )
    )


def state(view: SearchView, owner: str | None) -> str:
    """Whether the search is finished, and how far it has got."""
    ended, planned = len(view.ended), view.config.schedule.total
    if ended >= planned:
        audited = "" if owner is None else f" It is being audited by {owner}."
        them = "its only network has" if planned == 1 else f"all {planned:,} networks have"
        return f"Finished: {them} ended.{audited}"
    now = view.state(owner)
    if now == "finished":
        share = f"{ended:,} of {planned:,} networks have ended"
        return f"Finished ahead of schedule: {share}, and no walk finds another."
    if now == "not started":
        return f"Not started: {counted(planned, 'network')} to train."
    last = f" The last one ended at {moment(view.ended[-1].finished_at)}." if ended else ""
    how_far = f"{ended:,} of {planned:,} networks have ended ({ended / planned:.0%}), {view.in_training}"
    if now != "running":
        return f"Neither finished nor running: {how_far} interrupted.{last}"
    return f"Running ({owner}): {how_far} in training.{last} This page is not updated."


def _failures(view: SearchView) -> list[dict[str, Any]]:
    """The last failures, with their messages."""
    return [
        {"number": row.number, "architecture": row.architecture, "outcome": row.outcome.replace("_", " ")}
        | {"message": gist(row.message)}
        for row in reversed(view.failed[-FAILURES:])
    ]


def _facts(view: SearchView) -> dict[str, dict[str, Any]]:
    """Everything recorded about the search itself, by heading."""
    search = view.search
    size = search["image_size"]
    data = {
        "images": f"{search['channels']} x {size} x {size}",
        "classes": search["num_classes"],
        "fingerprint": search["data_fingerprint"],
    }
    return {
        "Configuration": settings(view.config),
        "Data": {**data, **_images(search.get("images"))},
        "Versions at the start": search["versions"],
        "Environment": search["circumstances"],
    }


def _images(counts: dict[str, dict[str, int]] | None) -> dict[str, str]:
    """The number of images in each class, if it was recorded."""
    return {
        f"{part} images": ", ".join(f"{name}: {number}" for name, number in classes.items())
        for part, classes in (counts or {}).items()
    }


def _file(name: str) -> str:
    return (files("metaqnn.report") / "templates" / name).read_text("utf-8")


def _hash(script: str) -> str:
    """The hash that allows a script in the page's security policy; scripts smuggled in by data have none."""
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"
