import json

import pytest

from predictor import LearningCurves
from predictor.curves.json_text import content_of, is_cut_off
from predictor.errors import CurvesError

LINES = [
    '{"epoch": 6, "acc": [-1.5e-2, NaN, -Infinity, true], "of": {"a": []}, "n": "}\\u00e9\\"{", "ü" : 1}',
    '[1.7e9, 6, [0.5], "x\\\\", {"a": [1, 2]}, false ]',
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_which_any_part_is_missing_at_the_end_is_cut_off(line):
    begun = [line[:end] for end in range(1, len(line))]
    assert [part for part in begun if not (is_cut_off(part) and is_cut_off(part + "\0\0"))] == []
    assert not is_cut_off(line)
    assert not any(is_cut_off(part + "\n") for part in begun)


@pytest.mark.parametrize(
    "line",
    ['{"note": "{", }', '{"a": 1}}', '{"a": [1, 2}', '{"a": 1} {', '{"a": 1} x', "{a: 1", "x", '{"a": "b" "'],
)
def test_a_damaged_line_is_not_cut_off(line):
    assert not is_cut_off(line)


def test_the_last_of_several_lines_is_left_out_if_it_was_cut_off():
    first, last = "[1, 0.5]", "[2, 0.75]"
    assert content_of(f"{first}\n{last}\n") == ([[1, 0.5], [2, 0.75]], False)
    assert content_of(f"{first}\n{last[:-3]}") == ([[1, 0.5]], True)
    for text in (f"{first}\n{last[:-3]}\n", f"{first[:-3]}\n{last}", first[:-3]):
        with pytest.raises(CurvesError, match="neither JSON nor JSON lines: line "):
            content_of(text)


@pytest.mark.parametrize("left", ['{"epoch": 1, "val_', "[[1.7e9, 1, 0", '{"epoch": 1, "note": "\xc3'])
@pytest.mark.parametrize("name", ["result.json", "log.jsonl"])
def test_a_file_of_a_folder_that_ends_in_its_first_line_is_left_out_and_told(tmp_path, name, left):
    for run in "abc":
        (tmp_path / run).mkdir()
        lines = [json.dumps({"epoch": epoch, "val_acc": 0.1 * epoch}) for epoch in range(1, 5)]
        (tmp_path / run / name).write_text("\n".join(lines))
    (tmp_path / "b" / name).write_bytes(left.encode("latin-1"))
    curves = LearningCurves.read(tmp_path)
    assert curves.names.tolist() == ["a", "c"]
    assert f"; left out: b/{name} (cut off in the first line);" in curves.understood
    (tmp_path / "b" / name).write_text('{"epoch": 1, }')
    with pytest.raises(CurvesError, match=f"b/{name} of 3 files, .*neither JSON nor JSON lines: line 1"):
        LearningCurves.read(tmp_path)


@pytest.mark.parametrize(
    "text",
    ['{"epoch": 1, "val_acc": 0.5}\n{"epoch": 2, "val_acc": 0.75}\n', "epoch,val_acc\n1,0.5\n2,0.75\n"],
)
@pytest.mark.parametrize("end", ["\0" * 9, "\n" + "\0" * 9])
def test_nul_bytes_after_whole_lines_are_passed_over(tmp_path, text, end):
    for run in "ab":
        (tmp_path / f"{run}.log").write_text(text.rstrip("\n") + end)
    curves = LearningCurves.read(tmp_path)
    assert curves.values.tolist() == [[0.5, 0.75]] * 2
    assert "cut off" not in curves.understood
