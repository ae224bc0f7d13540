"""What a page shows of a search is in the parts that its script renews while the search runs."""

import shutil
import sqlite3
from contextlib import closing
from html.parser import HTMLParser

import pytest

from metaqnn.session.notes import write_note

VOID = {"input", "link", "meta"}


class Fixed(HTMLParser):
    """The text of a page outside of its live parts."""

    def __init__(self, html):
        super().__init__()
        self.words, self._live = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if (self._live or "data-live" in dict(attributes)) and tag not in VOID:
            self._live.append(tag)

    def handle_endtag(self, tag):
        if self._live:
            assert self._live.pop() == tag

    def handle_data(self, text):
        if not self._live and text.strip():
            self.words.append(text.strip())


def rewind(folder):
    """Make the last but one network one in training, and the last one unknown."""
    with closing(sqlite3.connect(folder.database)) as connection, connection:
        connection.execute(
            "UPDATE networks SET outcome = NULL, reward = NULL, finished_position = NULL, "
            "finished_at = NULL, attempt = NULL, epochs = NULL, epochs_trained = NULL, "
            "seconds = NULL, last_accuracy = NULL, final_accuracy = NULL, predicted_accuracy = NULL, "
            "message = NULL WHERE number = 23"
        )
        connection.execute("DELETE FROM trainings WHERE network_id >= 23")
        connection.execute("DELETE FROM samples WHERE network_id >= 24")
        connection.execute("DELETE FROM networks WHERE number = 24")


@pytest.mark.parametrize("path", ["", "/networks", "/networks/23", "/curves?network=23&network=8"])
def test_what_changes_with_a_search_is_in_live_parts(client, finished_run, run_copy, tmp_path, path):
    later = type(run_copy)(shutil.copytree(finished_run.path, tmp_path / "later" / "copy"))
    rewind(run_copy)
    write_note(later.path, 23, "odd")
    before, after = (client(folder).get(f"/runs/copy{path}").text for folder in (run_copy, later))
    assert before != after
    assert Fixed(before).words == Fixed(after).words
