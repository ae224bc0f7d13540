"""Any text: parsed, or refused by an error of ours."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaqnn.config.options import ConfigError, add_flags, given_options
from metaqnn.config.schedule import ScheduleError
from metaqnn.config.search import SearchConfig
from metaqnn.config.stopping import SETTINGS, PublishedFlags
from metaqnn.database.engine import StorageError, UnreachableError
from metaqnn.search.rule import stopping_rule
from metaqnn.session.run_folder import RunFolder, RunFolderError
from predictor.curves import reading
from predictor.errors import PredictorError
from state_space import Architecture
from state_space.errors import StateSpaceError
from trainers import RecipeError

fuzz = settings.get_profile("fuzz")

NUMBERS = st.one_of(
    st.integers(-3, 300).map(str),
    st.sampled_from(["", "0", "-1", "1e3", "nan", "inf", "9" * 400, "1" * 5000, "\u0663", "0x10", "1_0"]),
)
TOKENS = st.one_of(
    st.sampled_from(["C(64,3,1)", "P(2,2)", "FC(128)", "D(1,2)", "GAP(10)", "SM(10)", "[", "]", "(", ")", ","]),  # noqa: E501
    st.builds("{}({})".format, st.sampled_from(["C", "P", "FC", "D", "GAP", "SM", "X", "c", "\u0421"]),
              st.lists(NUMBERS, max_size=4).map(",".join)),
    st.text(max_size=5),
)  # fmt: skip


@fuzz
@given(st.one_of(st.text(), st.lists(TOKENS, max_size=30).map(", ".join), st.lists(TOKENS).map("".join)))
def test_notation(text):
    try:
        architecture = Architecture.parse(text)
    except StateSpaceError as error:
        assert "\n" not in str(error)  # noqa: PT017 - there need not be an error
        assert len(str(error)) < 1000  # noqa: PT017
    else:
        assert Architecture.parse(str(architecture)) == architecture


ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
STORED = SearchConfig().to_dict()


@fuzz
@given(st.dictionaries(st.sampled_from([*STORED, "early_stopping", "delta", "other"]), ANYTHING, max_size=4))
def test_a_stored_configuration(changes):
    stored = json.loads(json.dumps({**STORED, **changes}))
    try:
        config = SearchConfig.from_dict(stored)
    except (ConfigError, ScheduleError):
        return
    assert repr(SearchConfig.from_dict(config.to_dict())) == repr(config)  # NaN is unequal to itself


class RefusedError(Exception):
    """What argparse does instead of ending the process."""


@pytest.fixture(scope="module")
def parser():
    from metaqnn.cli import Parser

    class Raising(Parser):
        def exit(self, status=0, message=None):
            raise RefusedError(message)

    made = Raising()
    add_flags(made, SearchConfig)
    add_flags(made, PublishedFlags)
    return made


VALUES = st.one_of(
    NUMBERS,
    st.text(max_size=6),
    st.lists(NUMBERS, max_size=4).map(",".join),
    st.lists(st.tuples(NUMBERS, NUMBERS).map(":".join), max_size=3).map(",".join),
    st.sampled_from(
        [
            "paper",
            "published:burn_in=5",
            "none",
            "median",
            "rank-envelope:x=1",
            "median:first=0",
            "forecast",
            "1.0:3,0.1:2",
        ]
    ),
)


@fuzz
@given(st.dictionaries(st.sampled_from(sorted({*STORED, *SETTINGS})), VALUES, max_size=3))
def test_flags(parser, flags):
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    try:
        parsed = parser.parse_args(arguments)
        options = given_options(parsed, SearchConfig) | given_options(parsed, PublishedFlags)
        config = SearchConfig.of(**options)
        stopping_rule(config)
        config.space(1, 8, 10)
    except (RefusedError, ConfigError, ScheduleError, PredictorError, StateSpaceError, RecipeError):
        return
    assert repr(SearchConfig.from_dict(json.loads(json.dumps(config.to_dict())))) == repr(config)


@pytest.mark.parametrize(
    ("url", "search"),
    [
        ("me@127.0.0.1:1/db", float("inf")),
        *((f"me@127.0.0.1/db?port={port}", 1) for port in ("x", "1,2")),
        *((f"me@{host}:1/db", 1) for host in ("a..b", "a" * 64)),
        *((f"me@127.0.0.1:1/db?{query}", 1) for query in ("a=\udcff", "host=\udcff", "password=a%00b")),
    ],
)
def test_what_coverage_guided_fuzzing_has_found(tmp_path, url, search):
    """Servers that Python, SQLAlchemy or psycopg refuse by errors of their own; see atheris_fuzz.py."""
    pytest.importorskip("psycopg")
    (tmp_path / "storage.json").write_text(json.dumps({"url": f"postgresql://{url}", "search": search}))
    with pytest.raises((RunFolderError, StorageError, UnreachableError)) as refusal:
        RunFolder(tmp_path).holds_search()
    with pytest.raises(PredictorError) as other:
        reading.read_curves(tmp_path)
    assert "\n" not in f"{refusal.value}{other.value}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["two\nlines", "--three\rlines"], "unknown arguments: two lines --three lines"),
        (["--dataset=--"], "argument --dataset: '--' is not a value"),
        (["--conv-widths=--"], "argument --conv-widths: '--' is not a value"),
    ],
)
def test_and_on_the_command_line(parser, arguments, said):
    """argparse repeats words as they are, and before Python 3.13 makes an empty list of `--`."""
    with pytest.raises(RefusedError) as refusal:
        parser.parse_args(arguments)
    (line,) = str(refusal.value).splitlines()
    assert f"error: {said} (see" in line
