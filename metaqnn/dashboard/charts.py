"""Answers for the pages' script: charts as Vega-Lite, and whether anything has changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from metaqnn import __version__
from metaqnn.dashboard.comparison import chosen_axis, chosen_run, comparison, on_the_same_images
from metaqnn.dashboard.errors import NotThereError, RunTroubleError
from metaqnn.dashboard.network_chart import network_chart
from metaqnn.dashboard.overlay import chosen_networks, overlay
from metaqnn.dashboard.runs import network_number, version_of_all
from metaqnn.dashboard.snapshots import Answers, chart_json
from metaqnn.figures import FIGURES
from metaqnn.report.scripts import bundle, theme_script

BY_NAME = {figure.name: figure for figure in FIGURES}
FOR_A_YEAR = "public, max-age=31536000, immutable"


class Charts(Answers):
    """Answers the pages' script: 304 without a body if the browser already has the newest version."""

    def version(self, request: Request) -> Response:
        """A text that changes with what pages show, see `Run.version`."""
        version = self._run_of(request).version()
        return _unchanged(request, version) or _answer(version, version.encode(), "text/plain")

    def version_of_all(self, request: Request) -> Response:
        """A text that changes with any of the searches."""
        version = version_of_all(self._runs)
        return _unchanged(request, version) or _answer(version, version.encode(), "text/plain")

    async def figure(self, request: Request) -> Response:
        """A figure of the report. Other requests are answered while it is being drawn."""
        name = request.path_params["figure"]
        if name not in BY_NAME:
            raise NotThereError(f"there is no figure {name!r}; figures are {', '.join(BY_NAME)}")
        snapshot = await run_in_threadpool(self._snapshots.of, self._run_of(request))
        if unchanged := _unchanged(request, snapshot.version):
            return unchanged
        drawing = asyncio.wrap_future(snapshot.figure(BY_NAME[name]))
        return _answer(snapshot.version, await asyncio.shield(drawing))  # others may be waiting for it, too

    def network(self, request: Request) -> Response:
        """The chart of one network."""
        with self._run_of(request).reading() as reader:
            version = reader.version()
            if unchanged := _unchanged(request, version):
                return unchanged
            network, config = reader.network(network_number(request)), reader.config()
        drawn = chart_json(lambda: network_chart(network, config))
        return _answer(version, drawn)

    def curves(self, request: Request) -> Response:
        """The curves of chosen networks in one chart."""
        numbers = chosen_networks(request.query_params)
        with self._run_of(request).reading() as reader:
            version = reader.version()
            if unchanged := _unchanged(request, version):
                return unchanged
            networks = [reader.network(number) for number in numbers]
            metric_text = reader.config().metric_text
        return _answer(version, chart_json(lambda: overlay(networks, metric_text)))

    def comparison(self, request: Request) -> Response:
        """The best accuracy so far of a run, and of all other readable runs on the same images."""
        over, first = chosen_axis(request.query_params), chosen_run(request.query_params, self._runs)
        version = version_of_all(self._runs)
        if unchanged := _unchanged(request, version):
            return unchanged
        views = {}
        for address, run in self._runs.items():
            with suppress(RunTroubleError):  # the overview says why
                view = self._snapshots.of(run).view
                with run.explained():
                    _ = view.config, view.ended  # read here, where trouble is that of one run
                views[address] = view
        alike = on_the_same_images(views, first)
        return _answer(version, chart_json(lambda: comparison(alike, over)))

    def vega(self, _request: Request) -> Response:
        """The script that draws the charts; its address changes with its version."""
        return Response(bundle(), media_type="text/javascript", headers={"Cache-Control": FOR_A_YEAR})

    def theme(self, _request: Request) -> Response:
        """The script that draws them in the colours of a light or a dark page."""
        return Response(theme_script(), media_type="text/javascript")


def _tag(version: str) -> str:
    return f'"{__version__}-{version}"'


def _unchanged(request: Request, version: str) -> Response | None:
    """The answer to a browser that has this version."""
    tag = _tag(version)
    known = request.headers.get("if-none-match") == tag
    return Response(status_code=304, headers={"ETag": tag}) if known else None


def _answer(version: str, body: bytes, media_type: str = "application/json") -> Response:
    return Response(body, media_type=media_type, headers={"ETag": _tag(version)})
