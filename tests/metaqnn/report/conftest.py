"""Searches in which somebody else chose every text."""

import json
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def poisoned():
    """poisoned(run folder, text): put the text wherever one from a user or an error may end up."""

    def put(folder, text):
        with closing(sqlite3.connect(folder.database)) as connection, connection:
            (config,) = connection.execute("SELECT config FROM searches").fetchone()
            connection.execute(
                "UPDATE searches SET config = ?, versions = ?, circumstances = ?, images = ?, "
                "data_fingerprint = ?",
                (
                    json.dumps({**json.loads(config), "dataset": text}),
                    json.dumps({text: text}),
                    json.dumps({"data_dir": text}),
                    json.dumps({"train": {text: 7}}),
                    text,
                ),
            )
            connection.execute("UPDATE networks SET architecture = ? || number, message = ?", (text, text))
            connection.execute("UPDATE networks SET outcome = ? WHERE number = 2", (text[:16],))
            connection.execute("UPDATE decisions SET reason = ?", (text,))
        return folder

    return put
