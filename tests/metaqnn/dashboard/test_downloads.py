"""Tables as files: exactly what the database holds."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def rows(client, run_copy):
    """rows(path): the rows of a file of the copied run, and its name."""
    browser = client(run_copy)

    def read(path):
        answer = browser.get(f"/runs/copy/{path}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/csv")
        name = answer.headers["Content-Disposition"].removeprefix("attachment; filename=").strip('"')
        return list(csv.DictReader(io.StringIO(answer.text, newline=""))), name

    return read


def test_all_networks_that_pass_the_filters_are_in_the_file_in_the_order_of_the_table(rows, sql):
    found, name = rows("networks.csv?outcome=stopped&sort=parameters&order=ascending")
    expected = sql(
        "SELECT number, architecture, predicted_accuracy FROM networks WHERE outcome = 'stopped' "
        "ORDER BY parameters, number"
    )
    shown = [(int(row["number"]), row["architecture"], float(row["predicted_accuracy"])) for row in found]
    assert shown == expected
    assert name == "copy-networks.csv"


def test_epochs_are_in_the_file_with_their_decisions(rows, sql):
    found, name = rows("networks/8/epochs.csv")
    expected = sql(
        "SELECT purpose, attempt, epochs.epoch, accuracy, coalesce(probability, '') FROM trainings "
        "JOIN epochs ON epochs.training_id = trainings.id LEFT JOIN decisions ON "
        "decisions.training_id = trainings.id AND decisions.epoch = epochs.epoch "
        "WHERE network_id = (SELECT id FROM networks WHERE number = 8) ORDER BY trainings.id, epochs.epoch"
    )
    keys = ("purpose", "attempt", "epoch", "accuracy", "probability")
    assert [tuple(row[key] for key in keys) for row in found] == [tuple(map(str, row)) for row in expected]
    assert name == "copy-network-8.csv"


@pytest.mark.parametrize("path", ["networks.csv", "networks/8/epochs.csv", "curves.csv?network=8"])
def test_a_file_has_no_ids_of_the_database(rows, path):
    """Every table of the program calls the network's number its id."""
    (first, *_), _ = rows(path)
    assert not {"id", "search_id", "network_id", "training_id"} & {*first}


def test_curves_of_chosen_networks_are_in_one_file(rows, sql):
    found, name = rows("curves.csv?network=8&network=3")
    expected = [
        (str(number), *map(str, row))
        for number in (8, 3)
        for row in sql(
            "SELECT attempt, epochs.epoch, accuracy FROM trainings JOIN epochs ON training_id = trainings.id "
            f"WHERE network_id = (SELECT id FROM networks WHERE number = {number}) "
            "ORDER BY trainings.id, epochs.epoch"
        )
    ]
    keys = ("network", "attempt", "epoch", "accuracy")
    assert [tuple(row[key] for key in keys) for row in found] == expected
    assert name == "copy-curves.csv"


def test_epsilons_are_in_the_file(rows, sql):
    found, _ = rows("epsilons.csv")
    expected = sql("SELECT epsilon, count(*) FROM networks GROUP BY epsilon ORDER BY epsilon DESC")
    assert [(float(row["epsilon"]), int(row["networks"])) for row in found] == expected


def test_text_from_data_stays_in_its_cell(rows, run_copy):
    hostile = 'a,"b"\r\n=1+1'
    with closing(sqlite3.connect(run_copy.database)) as connection, connection:
        connection.execute("UPDATE networks SET message = ? WHERE number = 1", (hostile,))
    found, _ = rows("networks.csv?sort=number&order=ascending")
    assert (found[0]["message"], len(found)) == (hostile, 24)


def test_long_trainings_are_in_the_file_and_on_the_page(client, rows, run_copy, long_training):
    long_training(run_copy.path, network=3, test_errors=5, test_images=200)
    found, _ = rows("long-trainings.csv")
    (row,) = found
    assert (row["network"], row["test_errors"], float(row["test_error"])) == ("3", "5", 0.025)
    assert float(row["test_error_low"]) < 0.025 < float(row["test_error_high"])
    page = client(run_copy).get("/runs/copy").text
    assert "2.50%" in page
    assert "metaqnn export" in page
    assert "--finetuned" not in page  # that would export the best network, which 3 is not


def test_the_trainings_of_a_network_are_told_apart_by_their_seeds(rows, run_copy, long_training):
    for seed, errors in enumerate((5, None, 7)):
        long_training(run_copy.path, network=3, seed=seed, test_errors=errors)
    found, _ = rows("long-trainings.csv")
    assert [(row["seed"], row["test_errors"]) for row in found] == [("0", "5"), ("2", "7")]


def test_the_export_of_a_long_trained_network_is_advised_where_it_is_the_best(
    client, sql, run_copy, long_training
):
    query = "SELECT number FROM networks ORDER BY final_accuracy DESC, parameters LIMIT 1"
    long_training(run_copy.path, network=sql(query)[0][0], test_errors=5, test_images=200)
    assert "--finetuned" in client(run_copy).get("/runs/copy").text


def test_damaged_results_of_long_trainings_are_told(client, run_copy, long_training):
    path = long_training(run_copy.path, network=3, test_errors=5, test_images=200)
    path.write_text(json.dumps({"network": 3}))
    assert "holds no result" in client(run_copy).get("/runs/copy").text


@pytest.mark.parametrize(
    "path", ["networks.csv", "curves.csv?network=8", "epsilons.csv", "long-trainings.csv"]
)
def test_a_file_without_rows_has_the_columns_of_one_with_rows(client, new_run, run_copy, long_training, path):
    long_training(run_copy.path, network=3)
    fresh, database = new_run()
    browser = client(fresh, run_copy)
    empty = browser.get(f"/runs/fresh/{path.partition('?')[0]}").text
    full = browser.get(f"/runs/copy/{path}").text
    database.close()
    assert len(full.splitlines()) > 1
    assert empty.splitlines() == full.splitlines()[:1]


@pytest.mark.parametrize(
    ("path", "status"), [("networks.csv?sort=x", 400), ("networks/99/epochs.csv", 404), ("nothing.csv", 404)]
)
def test_wrong_addresses_are_refused(client, run_copy, path, status):
    assert client(run_copy).get(f"/runs/copy/{path}").status_code == status


def test_a_long_training_of_another_network_is_told_on_the_page_and_not_in_the_file(
    client, rows, run_copy, long_training
):
    long_training(run_copy.path, network=3, architecture="[SM(7)]")
    assert rows("long-trainings.csv")[0] == []
    assert "is of [SM(7)], which is not network 3 of" in client(run_copy).get("/runs/copy").text
