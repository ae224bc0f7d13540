"""The web application: its addresses and what answers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from metaqnn.dashboard.charts import Charts
from metaqnn.dashboard.downloads import Downloads
from metaqnn.dashboard.pages import Pages
from metaqnn.dashboard.runs import addressed
from metaqnn.dashboard.security import LOOPBACK_NAMES, SecurityHeaders
from metaqnn.dashboard.snapshots import Snapshots


class Dashboard:
    """A web application (ASGI) that shows runs. It only reads.

    Args:
        paths: run folders. If one cannot be read, now or later, the page says why.
        hosts: host names that browsers may use for it, `*` for any.
    """

    def __init__(self, paths: Iterable[Path], hosts: Sequence[str] = LOOPBACK_NAMES) -> None:
        runs = addressed(paths)
        self._snapshots = Snapshots()
        pages, charts = Pages(runs, self._snapshots), Charts(runs, self._snapshots)
        application = Starlette(
            routes=_routes(pages, charts, Downloads(runs, self._snapshots)),
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)],
            exception_handlers=pages.error_handlers(),
        )
        self._answer = SecurityHeaders(application)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._answer(scope, receive, send)

    def end(self) -> None:
        """Stop drawing, tell everybody who is waiting for a figure, and close all connections."""
        self._snapshots.end()


def _routes(pages: Pages, charts: Charts, downloads: Downloads) -> list[BaseRoute]:
    return [
        Route("/", pages.overview),
        Route("/version", charts.version_of_all),
        Route("/comparison.json", charts.comparison),
        Route("/runs.csv", downloads.runs),
        Route("/runs/{run}", pages.run),
        Route("/runs/{run}/version", charts.version),
        Route("/runs/{run}/figures/{figure}.json", charts.figure),
        Route("/runs/{run}/networks", pages.networks),
        Route("/runs/{run}/networks/{number}", pages.network),
        Route("/runs/{run}/networks/{number}/chart.json", charts.network),
        Route("/runs/{run}/curves", pages.curves),
        Route("/runs/{run}/curves.json", charts.curves),
        Route("/runs/{run}/curves.csv", downloads.curves),
        Route("/runs/{run}/networks.csv", downloads.networks),
        Route("/runs/{run}/networks/{number}/epochs.csv", downloads.epochs),
        Route("/runs/{run}/epsilons.csv", downloads.epsilons),
        Route("/runs/{run}/long-trainings.csv", downloads.finetuned),
        Route("/vega.js", charts.vega),
        Route("/theme.js", charts.theme),
        Route("/dashboard.css", pages.style),
        Mount("/static", StaticFiles(packages=[("metaqnn.dashboard", "static")])),
    ]
