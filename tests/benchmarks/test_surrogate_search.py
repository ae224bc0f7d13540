"""Searches with the surrogate trainer, in the space of the recorded networks."""

from dataclasses import replace
from pathlib import Path

import pytest
from surrogate import SurrogateError
from surrogate_search import World, run_search, surrogate

from metaqnn.config.schedule import EpsilonSchedule

CURVES = Path(__file__).parents[2] / "docs/results/curves/metaqnn_cifar10_decayed.csv"
"""Networks of the preset `laptop`, for 12x12 pixels, validated on 1,000 images."""
LAPTOP = World(str(CURVES), preset="laptop", image_size=12, validation_images=1000)


def test_a_search_walks_the_space_of_the_preset_and_has_the_epochs_of_the_records():
    found = run_search(LAPTOP, 0, {"schedule": EpsilonSchedule.parse("1.0:20,0.1:10")})
    assert (found["config"]["preset"], found["config"]["epochs"]) == ("laptop", 20)
    assert found["networks"]["true"] == [round(y, 3) for y in found["networks"]["true"]]
    assert (LAPTOP.space.image_size, LAPTOP.space.conv_widths) == (12, (8, 16, 32, 64))
    assert surrogate(LAPTOP).recipe.initial_rate(1) == 0.002


def test_what_decides_about_a_search_has_the_content_of_the_curves_and_the_whole_rule(tmp_path):
    here = LAPTOP.facts(0, {"delta": 0.99})
    assert here["stopping"] == "published:Delta=0.99,burn_in=40,target=increment,refit_growth=1.5"
    assert (here["curves"], here["image_size"], here["epochs"]) == (CURVES.name, 12, 20)
    other = tmp_path / CURVES.name
    other.write_text("\n".join(CURVES.read_text().splitlines()[:-1]) + "\n")
    there = replace(LAPTOP, curves=str(other)).facts(0, {"delta": 0.99})
    assert [name for name, value in here.items() if value != there[name]] == ["content"]


def test_networks_of_another_space_are_refused_in_a_line():
    message = r"\[C\(32,1,1\), SM\(10\)\] is not in the space of preset paper"
    with pytest.raises(SurrogateError, match=message):
        World(str(CURVES)).recorded()


def test_curves_without_architectures_are_refused_in_a_line(tmp_path):
    file = tmp_path / "curves.csv"
    file.write_text("lr,acc_1,acc_2\n0.1,0.2,0.3\n0.1,0.3,0.4\n")
    with pytest.raises(SurrogateError, match="names no architectures"):
        World(str(file)).recorded()
