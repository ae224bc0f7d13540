"""The stored curves of chosen networks in one chart, each in its own style."""

import pytest
from starlette.datastructures import QueryParams

from metaqnn.dashboard.errors import FilterError
from metaqnn.dashboard.overlay import MOST, chosen_networks, overlay
from metaqnn.figures import NothingToShow


def test_curves_are_the_stored_epochs_of_the_last_attempt(view, sql, layer_rows):
    networks = [view.network(number) for number in (3, 8, 11)]
    spec = overlay(networks, "accuracy").to_dict()
    (rows,) = layer_rows(spec)
    expected = sql(
        "SELECT networks.number, purpose, epochs.epoch, accuracy FROM networks "
        "JOIN trainings ON network_id = networks.id JOIN epochs ON training_id = trainings.id "
        "WHERE networks.number IN (3, 8, 11) AND (purpose = 'audit' OR trainings.attempt = networks.attempt)"
    )
    shown = {(row["series"], row["purpose"], row["epoch"], row["accuracy"]) for row in rows}
    assert shown == {(f"network {number}", *rest) for number, *rest in expected}
    encoding = spec["layer"][0]["encoding"]
    looks = zip(encoding["color"]["scale"]["range"], encoding["strokeDash"]["scale"]["range"], strict=True)
    assert len({str(look) for look in looks}) == 3


def test_without_a_choice_the_chart_says_so():
    with pytest.raises(NothingToShow, match="No network is chosen"):
        overlay([], "accuracy")


def test_an_address_names_networks_once_and_leaves_fields_blank():
    assert chosen_networks(QueryParams("network=8&network=&network=3&network=8")) == [8, 3]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("network=x", "network is 'x'; it must be"),
        ("network=0", "network is '0'; it must be"),
        ("number=3", "there is no parameter 'number'"),
        (
            "&".join(f"network={n}" for n in range(1, MOST + 2)),
            f"{MOST + 1} networks are chosen; choose at most",
        ),
    ],
)
def test_other_choices_are_refused(address, reason):
    with pytest.raises(FilterError, match=reason):
        chosen_networks(QueryParams(address))
