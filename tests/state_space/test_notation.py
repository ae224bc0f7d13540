import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from state_space import (
    Convolution,
    Dropout,
    FullyConnected,
    GlobalAveragePooling,
    NotationError,
    Pooling,
    Softmax,
)
from state_space.notation import MAX_TEXT, parse_layers, summary

EXPECTED = (Convolution(64, 3), Pooling(2, 2), Dropout(1, 2), FullyConnected(32), Softmax(10))


@pytest.mark.parametrize(
    "text",
    [
        "[C(64,3,1), P(2,2), D(1,2), FC(32), SM(10)]",
        "C(64,3,1), P(2,2), D(1,2), FC(32), SM(10)",
        "[C(64,3,1),P(2,2),D(1,2),FC(32),SM(10)]",
        "  [ C( 64 , 3 , 1 ) ,\tP (2,2)\n,D(1,2) , FC(32), SM(10) ]\n",
        "C(64,3,1) P(2,2) D(1,2) FC(32) SM(10)",
        "[c(64,3,1), p(2,2), d(1,2), fc(32), sm(10)]",
    ],
)
def test_brackets_blanks_and_case_may_vary(text):
    assert parse_layers(text) == EXPECTED


@pytest.mark.parametrize(
    ("text", "padded", "batch_norm"),
    [("C", True, False), ("V", False, False), ("CB", True, True), ("VB", False, True), ("vb", False, True)],
)
def test_variants_of_convolutions_are_read_as_they_are_written(text, padded, batch_norm):
    (layer, _) = parse_layers(f"[{text}(64,5,2), SM(10)]")
    assert layer == Convolution(64, 5, 2, padded=padded, batch_norm=batch_norm)
    assert str(layer) == f"{text.upper()}(64,5,2)"


def test_gap_is_one_layer_and_softmax_another():
    assert parse_layers("GAP(7), SM(7)") == (GlobalAveragePooling(7), Softmax(7))


@pytest.mark.parametrize(
    ("text", "quoted", "hint"),
    [
        ("", "''", "looks like"),
        ("[]", "'[]'", "looks like"),
        ("[C(64,3,1), SM(10)", "'[C(64,3,1), SM(10)'", "closing ']'"),
        ("C(64,3,1), SM(10)]", "'C(64,3,1), SM(10)]'", "opening '['"),
        ("[C(64,3), SM(10)]", "'C(64,3)'", "C(d,f,l)"),
        ("[VB(64,3), SM(10)]", "'VB(64,3)'", "should be VB(d,f,l)"),
        ("[C(64,3,1,0,1), SM(10)]", "'C(64,3,1,0,1)'", "C(d,f,l)"),
        ("[V(64,4,1), SM(10)]", "'V(64,4,1)'", "odd"),
        ("[P(2,2,2), SM(10)]", "'P(2,2,2)'", "P(f,l)"),
        ("[C(64,x,1), SM(10)]", "'C(64,x,1)'", "whole numbers"),
        ("[C(-64,3,1), SM(10)]", "'C(-64,3,1)'", "whole numbers"),
        ("[C(6²,3,1), SM(10)]", "'C(6²,3,1)'", "whole numbers"),
        ("[C(0,3,1), SM(10)]", "'C(0,3,1)'", "from 1 to"),
        ("[C(64,4,1), SM(10)]", "'C(64,4,1)'", "odd"),
        ("[D(3,2), SM(10)]", "'D(3,2)'", "exceed"),
        ("[CONV(64,3,1), SM(10)]", "'CONV(64,3,1)'", "one of C(d,f,l), P(f,l)"),
        ("[C(64,3,1); SM(10)]", "'; SM(10)'", "one of"),
        ("[C(64,3,1),, SM(10)]", "', SM(10)'", "one of"),
        ("[C(64,3,1), SM(10),]", "'SM(10),'", "after the last comma"),
        ("[C(64,3,1, SM(10)]", "'C(64,3,1, SM(10)'", "one of"),
        ("hello", "'hello'", "one of"),
        ("[C(64,3,1), SM(" + "9" * 50 + ")]", "'SM(99", "at most 5 digits"),
        ("[C(64,3,1), SM(000010)]", "'SM(000010)'", "at most 5 digits"),
        ("[C(٦٤,3,1), SM(10)]", "'C(٦٤,3,1)'", "whole numbers"),
    ],
)
def test_the_token_at_fault_is_quoted_with_what_would_be_right(text, quoted, hint):
    with pytest.raises(NotationError) as caught:
        parse_layers(text)
    assert quoted in str(caught.value)
    assert hint in str(caught.value)


@pytest.mark.parametrize("text", [None, 7, b"[SM(10)]", ["SM(10)"]])
def test_only_text_is_parsed(text):
    with pytest.raises(NotationError):
        parse_layers(text)


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * MAX_TEXT,
        "A" * MAX_TEXT,
        "C(" * (MAX_TEXT // 2),
        "[" * (MAX_TEXT // 2) + "]" * (MAX_TEXT // 2),
        "SM(10)" + " " * (MAX_TEXT - 7) + "x",
        "SM(" + "9" * (MAX_TEXT - 4) + ")",
        "SM(" + " " * (MAX_TEXT - 4) + ")",
        "C(1,1,1) " * (MAX_TEXT // 9 - 1) + "?",
        "x" * 5_000_000,
    ],
)
def test_hostile_text_is_refused_quickly_in_one_short_line(hostile):
    began = time.process_time()
    with pytest.raises(NotationError) as caught:
        parse_layers(hostile)
    assert time.process_time() - began < 1  # milliseconds in truth; backtracking would take minutes
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 250


def test_the_longest_text_may_have_20_000_characters():
    assert parse_layers("SM(10)" + " " * (20_000 - 6)) == (Softmax(10),)
    with pytest.raises(NotationError, match="20001 characters is too long"):
        parse_layers("SM(10)" + " " * (20_001 - 6))


def test_a_summary_has_all_convolutions_in_one_with_each_width_and_size_once():
    convolutions = [Convolution(width, size) for width in (8, 16) for size in (1, 3)]
    assert summary([*convolutions, Pooling(2, 2), Softmax(10)]) == "C(8|16,1|3,1), P(2,2), SM(10)"
    assert summary([]) == "nothing"


@given(st.text(alphabet="CPFDGASM()[],0129 \n²x", max_size=60))
def test_any_text_parses_or_raises_a_one_line_notation_error(text):
    try:
        layers = parse_layers(text)
    except NotationError as error:
        message = str(error)
    else:
        message = ""
        assert parse_layers(", ".join(map(str, layers))) == layers
    assert "\n" not in message
