"""Flags made from the configuration."""

import argparse
from dataclasses import fields

import pytest

from metaqnn.config.environment import Environment
from metaqnn.config.options import ConfigError, add_flags, given_options
from metaqnn.config.schedule import EpsilonSchedule
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import PublishedFlags
from metaqnn.config.tuned import HyperParameters
from trainers.datasets import DATASET_NAMES

ALL = (SearchConfig, PublishedFlags, Environment)


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser()
    for config in ALL:
        add_flags(parser, config)
    return parser


def given(namespace):
    return {name: value for config in ALL for name, value in given_options(namespace, config).items()}


def test_every_field_has_a_flag_that_help_explains(parser):
    text = " ".join(parser.format_help().split())
    for field in (field for config in ALL for field in fields(config)):
        assert "--" + field.name.replace("_", "-") in text
        assert " ".join(field.metadata["help"].split()) in text


def test_only_what_was_given_appears(parser):
    assert given(parser.parse_args([])) == {}
    assert given(parser.parse_args(["--seed", "4"])) == {"seed": 4}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--dataset", "photos/"], {"dataset": "photos/"}),
        (["--delta", "0.9", "--epochs", "3"], {"delta": 0.9, "epochs": 3}),
        (["--image-size", "16"], {"image_size": 16}),
        (["--conv-widths", "8,16"], {"conv_widths": (8, 16)}),
        (["--pools", "5:3,2:2"], {"pools": ((5, 3), (2, 2))}),
        (["--schedule", "1.0:5,0.1:2"], {"schedule": EpsilonSchedule(((1.0, 5), (0.1, 2)))}),
        (["--mirror"], {"mirror": True}),
        (["--stopping", "published:Delta=0.9"], {"stopping": "published:Delta=0.9"}),
        (["--workers", "2", "--workers-per-gpu", "auto"], {"workers": 2, "workers_per_gpu": "auto"}),
        (["--no-download"], {"download": False}),
    ],
)
def test_values_arrive_with_their_types(parser, arguments, expected):
    assert given(parser.parse_args(arguments)) == expected


def test_defaults_in_the_help_are_those_of_the_code(parser):
    text = " ".join(parser.format_help().split())
    assert "epochs T of a full training (default: 20)" in text
    assert "download missing data sets (default: on)" in text


def test_defaults_that_follow_the_data_are_told():
    parser = argparse.ArgumentParser()
    add_flags(parser, SearchConfig)
    text = " ".join(parser.format_help().split())
    unmirrored = [name for name in DATASET_NAMES if not SearchConfig.of("paper", dataset=name).mirror]
    assert sorted(unmirrored) == ["digits", "mnist", "svhn"]
    assert "(default: on, except for digits, mnist and svhn)" in text
    limits = [SearchConfig.of("paper", dataset=name).layer_limit for name in ("cifar10", "svhn")]
    assert limits == [18, 12]
    assert "(preset paper: 18, on svhn 12)" in text


def test_only_the_named_fields_get_a_flag():
    parser = argparse.ArgumentParser()
    add_flags(parser, Environment, ("device", "data_dir"))
    flags = {flag for action in parser._actions for flag in action.option_strings}
    assert flags == {"-h", "--help", "--device", "--data-dir"}


def test_defaults_that_are_not_taken_are_not_in_the_help():
    parser = argparse.ArgumentParser()
    add_flags(parser, Environment, ("device", "checkpoint_every"), default=None)
    assert "default:" not in parser.format_help()


@pytest.mark.parametrize(
    ("flag", "text", "hint"),
    [
        ("--conv-widths", "8,many", "list of numbers like 64,128"),
        ("--conv-widths", "", "list of numbers like 64,128"),
        ("--pools", "3:2,2", "list of pairs like 3:2,2:2"),
        ("--schedule", "1.0=5", "write it like 1.0:100"),
        ("--schedule", "2.0:5", r"outside [0, 1]"),
        ("--delta", "high", "is not a number above 0 and at most 1"),
        ("--image-size", "16.5", "is not a whole number from 1 to 1024"),
        ("--workers", "many", "whole number, or auto"),
    ],
)
def test_text_of_the_wrong_kind_exits_2_and_says_what_is_right(parser, capsys, flag, text, hint):
    with pytest.raises(SystemExit) as exit_:
        parser.parse_args([flag, text])
    assert exit_.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert flag in last
    assert hint in last


def test_the_learning_rate_of_a_training_has_the_flags_of_a_search():
    parser = argparse.ArgumentParser()
    add_flags(parser, HyperParameters, ("lr", "lr_decay"))
    given = parser.parse_args(["--learning-rate", "0.1", "--decay-factor", "0.5"])
    assert given_options(given, HyperParameters) == {"lr": 0.1, "lr_decay": 0.5}
    with pytest.raises(ConfigError, match="--learning-rate is -1; it must be a number above 0"):
        HyperParameters(lr=-1)
