import argparse

import pytest

from metaqnn.commands.mirror import add_places, mirrored
from metaqnn.database.queries import SearchReader
from metaqnn.executors import SerialExecutor
from metaqnn.mirrors.listener import MirroringListener
from metaqnn.search.events import SearchListener


class Hearing(SearchListener):
    """Counts what it hears."""

    def __init__(self):
        self.heard = []

    def started(self, job):
        self.heard.append("started")

    def epoch(self, job, report, decision):
        self.heard.append("epoch")

    def finished(self, job, result):
        self.heard.append("finished")

    def close(self):
        self.heard.append("close")


def run(new_database, open_search, formula_trainer, mirrors):
    url, database = new_database()
    inner = Hearing()
    progress = MirroringListener(inner, SearchReader(url), mirrors)
    search = open_search(database)
    search.run(SerialExecutor(formula_trainer(search.config.epochs)), progress)
    progress.close()
    database.close()
    return inner.heard


def test_networks_are_copied_when_they_end_and_all_is_passed_on(
    new_database, open_search, formula_trainer, remembering
):
    mirror = remembering()
    heard = run(new_database, open_search, formula_trainer, [mirror])
    assert [network.number for network in mirror.networks] == list(range(1, 25))
    assert (heard.count("started"), heard.count("finished"), heard.count("close")) == (24, 24, 1)
    assert heard.count("epoch") > 24


def test_a_copy_is_looked_through_once_however_many_networks_end(
    new_database, open_search, formula_trainer, remembering, monkeypatch
):
    looks, ended = [], SearchReader.ended
    monkeypatch.setattr(SearchReader, "ended", lambda self: looks.append(1) or ended(self))
    run(new_database, open_search, formula_trainer, [remembering()])
    assert len(looks) == 1


def test_a_mirror_that_fails_is_given_up_and_the_search_goes_on(
    new_database, open_search, formula_trainer, remembering, capsys
):
    failing, other = remembering(fail_at=5), remembering()
    run(new_database, open_search, formula_trainer, [failing, other])
    assert (len(failing.networks), len(other.networks)) == (5, 24)
    assert capsys.readouterr().err.splitlines() == [
        "",
        "Remembering failed and is no longer updated: no space left",
    ]


def test_why_a_mirror_failed_is_shown_and_not_obeyed(finished_run, remembering, capsys):
    failing = remembering(fail_at=0, reason="no space left on \x1b]0;pwned\x07")
    MirroringListener(Hearing(), finished_run.reader(), [failing]).close()
    assert (
        capsys.readouterr().err
        == "\nRemembering failed and is no longer updated: no space left on \\x1b]0;pwned\\x07\n"
    )


def test_what_is_missing_is_copied_in_the_beginning_and_not_in_the_end(finished_run, remembering):
    mirror = remembering()
    progress = MirroringListener(Hearing(), finished_run.reader(), [mirror])
    assert len(mirror.networks) == 24
    mirror.networks.clear()
    progress.close()
    assert mirror.networks == []


def test_run_tells_only_the_mirrors_that_were_asked_for(finished_run, tmp_path):
    pytest.importorskip("tensorboard")
    parser = argparse.ArgumentParser()
    add_places(parser)
    inner = Hearing()
    assert mirrored(inner, parser.parse_args([]), finished_run) is inner
    asked = parser.parse_args(["--tensorboard", str(tmp_path / "logs")])
    mirrored(inner, asked, finished_run).close()
    assert inner.heard == ["close"]
    assert len(list(tmp_path.glob("logs/network-*/events*"))) == 24
