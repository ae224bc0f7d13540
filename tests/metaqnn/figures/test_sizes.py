"""Accuracy against size: every network is where it belongs, and the front fits its definition."""

import pytest

from metaqnn.figures import sizes


@pytest.mark.parametrize(("draw", "column"), [(sizes.by_parameters, "parameters"), (sizes.by_macs, "macs")])
def test_the_front_is_what_no_other_network_beats(view, sql, draw, column):
    spec = draw(view).to_dict()
    others, front, _ = (spec["datasets"][layer["data"]["name"]] for layer in spec["layer"])
    all_of_them = sql(f"SELECT number, {column}, final_accuracy FROM networks WHERE outcome = 'completed'")
    expected = {
        number
        for number, cost, accuracy in all_of_them
        if not any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for _, c, a in all_of_them)
    }
    assert {row["number"] for row in front} == expected
    found = {(row["number"], row["cost"], row["accuracy"]) for row in (*others, *front)}
    assert found == set(all_of_them)
