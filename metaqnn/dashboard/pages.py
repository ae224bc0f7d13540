"""The pages, as HTML rendered on the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from metaqnn.dashboard.comparison import OVER, chosen_axis
from metaqnn.dashboard.errors import RefusedError
from metaqnn.dashboard.overlay import MOST, chosen_networks
from metaqnn.dashboard.runs import (
    Run,
    RunState,
    by_images,
    network_number,
    run_state,
    version_of_all,
)
from metaqnn.dashboard.snapshots import Answers, Snapshots
from metaqnn.dashboard.table import OUTCOMES, TableQuery, table_page
from metaqnn.database.queries import UnknownNetworkError
from metaqnn.figures import FIGURES
from metaqnn.report.answer import answer
from metaqnn.report.scripts import VERSION
from metaqnn.report.templating import environment
from metaqnn.results.audits import audited_after
from metaqnn.results.long_trained import is_long_trained, long_trained
from metaqnn.results.settings import compared_with, forecaster, settings
from metaqnn.results.summary import unfinished
from metaqnn.session.notes import read_notes
from metaqnn.session.run_folder import RunFolder
from state_space.errors import printable

BEST = 5
"""Networks in the table on a run's page."""


class Pages(Answers):
    """Answers a browser's addresses."""

    def __init__(self, runs: Mapping[str, Run], snapshots: Snapshots) -> None:
        super().__init__(runs, snapshots)
        self._templates = environment("metaqnn.dashboard", "metaqnn.report")
        self._templates.globals.update(runs=runs, vega_version=VERSION)
        self._page("error.html", reason="", status=500)  # read now: later, there may be no file left to open

    def overview(self, request: Request) -> Response:
        """All runs side by side; for a single run, its page."""
        if len(self._runs) == 1:
            return RedirectResponse(f"/runs/{next(iter(self._runs))}")
        over = chosen_axis(request.query_params)
        version = version_of_all(self._runs)
        states = {address: self._snapshots.state_or_trouble(run) for address, run in self._runs.items()}
        images = by_images({name: state for name, state in states.items() if isinstance(state, RunState)})
        context = {"states": states, "images": images, "over": over, "overs": list(OVER)}
        return self._page("overview.html", version=version, **context)

    def run(self, request: Request) -> Response:
        """One run: its numbers, best networks and figures."""
        run = self._run_of(request)
        snapshot = self._snapshots.of(run)
        view = snapshot.view
        with run.explained():
            version = run.shown(snapshot.version)
            finetuned, damaged = long_trained(run.path, view.accuracies, view.architectures)
            state = run_state(run, view)
            running, best = state.state == "running", view.top(BEST)
            trained = is_long_trained(finetuned, best)
            answers = answer(view, run.path, running=running, finetuned=trained)
            context = {
                "state": state,
                "answer": replace(answers, steps=[]) if running else answers,  # the step is this dashboard
                "training": view.training,
                "best": best,
                "notes": read_notes(run.path),
                "finetuned": finetuned,
                "damaged": damaged,
                "settings": settings(view.config),
                "search": view.search,
            }
        snapshot.figure(FIGURES[0])  # is in view: start drawing while the browser reads the page
        return self._page("run.html", run=run, version=version, figures=FIGURES, **context)

    def networks(self, request: Request) -> Response:
        """The table of networks."""
        run = self._run_of(request)
        query = TableQuery.parse(request.query_params)
        with run.reading() as reader:
            version, page, config = run.shown(reader.version()), table_page(reader, query), reader.config()
            notes = read_notes(run.path)
        epsilons = dict(config.schedule.stages)
        context = {"page": page, "query": query, "epsilons": epsilons, "outcomes": OUTCOMES, "notes": notes}
        context["unfinished"] = _unfinished(run)
        return self._page("networks.html", run=run, version=version, **context)

    def curves(self, request: Request) -> Response:
        """The curves of chosen networks."""
        run, numbers = self._run_of(request), chosen_networks(request.query_params)
        with run.reading() as reader:
            version, chosen = run.shown(reader.version()), [reader.network(number) for number in numbers]
        query = urlencode([("network", number) for number in numbers])
        context = {"numbers": numbers, "networks": chosen, "query": query, "most": MOST}
        context["unfinished"] = _unfinished(run)
        return self._page("curves.html", run=run, version=version, **context)

    def network(self, request: Request) -> Response:
        """One network."""
        run, number = self._run_of(request), network_number(request)
        with run.reading() as reader:
            version, network, config = run.shown(reader.version()), reader.network(number), reader.config()
            _, last = reader.networks(limit=1)
            note = read_notes(run.path).get(number)
        makers = {"by_rule": forecaster(config, stop=False), "at_stop": forecaster(config, stop=True)}
        context = {"network": network, "note": note, "last": last, "T": config.epochs, **makers}
        context |= {"audited_after": audited_after(network), "compared_with": compared_with(config)}
        context |= {"metric_text": config.metric_text, "unfinished": _unfinished(run)}
        return self._page("network.html", run=run, version=version, **context)

    def style(self, _request: Request) -> Response:
        """The style sheet, including that of the report's diagrams."""
        return Response(self._templates.get_template("dashboard.css").render(), media_type="text/css")

    def error_handlers(self) -> dict[Any, Any]:
        """The handlers of errors: each answers with the reason in one line, as a page if a browser asks."""

        def of_ours(request: Request, error: RefusedError) -> Response:
            return self._refusal(request, str(error), error.status)

        def of_network(request: Request, error: UnknownNetworkError) -> Response:
            return self._refusal(request, str(error), 404)

        def of_http(request: Request, error: HTTPException) -> Response:
            nowhere = f"there is no page {request.url.path!r} here"
            reasons = {404: nowhere, 405: "this dashboard is read-only"}
            reason = reasons.get(error.status_code, error.detail)
            return self._refusal(request, reason, error.status_code, error.headers)

        return {RefusedError: of_ours, UnknownNetworkError: of_network, HTTPException: of_http}

    def _refusal(
        self, request: Request, reason: str, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        if "text/html" not in request.headers.get("accept", ""):  # the pages' script, or a program
            return PlainTextResponse(printable(reason), status, headers)
        page = self._page("error.html", reason=reason, status=status)
        page.status_code = status
        page.headers.update(headers or {})
        return page

    def _page(self, template: str, **context: Any) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(template).render(context))


def _unfinished(run: Run) -> str:
    """See `unfinished`. Asked after the page's version, so that a later change is noticed as one."""
    return unfinished(RunFolder(run.path).owner())
