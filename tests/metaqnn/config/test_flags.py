"""Flags made from the configuration."""

import argparse
from dataclasses import fields

import pytest

from metaqnn.config.flags import add_config_options, given_options
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    return parser


def test_every_field_has_a_flag_that_help_explains(parser):
    text = " ".join(parser.format_help().split())
    for field in fields(SearchConfig):
        assert "--" + field.name.replace("_", "-") in text
        assert " ".join(field.metadata["help"].split()) in text


def test_only_what_was_given_appears(parser):
    assert given_options(parser.parse_args([])) == {}
    assert given_options(parser.parse_args(["--seed", "4"])) == {"seed": 4}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--dataset", "photos/"], {"dataset": "photos/"}),
        (["--delta", "0.9", "--epochs", "3"], {"delta": 0.9, "epochs": 3}),
        (["--image-size", "16"], {"image_size": 16}),
        (["--conv-widths", "8,16"], {"conv_widths": (8, 16)}),
        (["--pools", "5:3,2:2"], {"pools": ((5, 3), (2, 2))}),
        (["--schedule", "1.0:5,0.1:2"], {"schedule": EpsilonSchedule(((1.0, 5), (0.1, 2)))}),
        (["--no-early-stopping", "--mirror"], {"stopping": "none", "mirror": True}),
        (["--stopping", "paper:Delta=0.9"], {"stopping": "paper:Delta=0.9"}),
    ],
)
def test_values_arrive_with_their_types(parser, arguments, expected):
    assert given_options(parser.parse_args(arguments)) == expected


@pytest.mark.parametrize(
    ("flag", "text", "hint"),
    [
        ("--conv-widths", "8,many", "list of numbers like 64,128"),
        ("--conv-widths", "", "list of numbers like 64,128"),
        ("--pools", "3:2,2", "list of pairs like 3:2,2:2"),
        ("--schedule", "1.0=5", "write it like 1.0:100"),
        ("--schedule", "2.0:5", r"outside [0, 1]"),
        ("--delta", "high", "float"),
        ("--image-size", "16.5", "int"),
    ],
)
def test_text_of_the_wrong_kind_exits_2_and_says_what_is_right(parser, capsys, flag, text, hint):
    with pytest.raises(SystemExit) as exit_:
        parser.parse_args([flag, text])
    assert exit_.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert flag in last
    assert hint in last
