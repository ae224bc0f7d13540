"""Texts as numbers, and the batches that language models read."""

import numpy as np
import pytest

from trainers import DatasetError, EpochReport
from trainers.families import WordTrainer, load_words, make_family


def write(folder, name="ptb", **parts):
    folder.mkdir(exist_ok=True)
    for part, content in {"valid": "a b\n", "test": "a b\n", **parts}.items():
        (folder / f"{name}.{part}.txt").write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
    return folder


def spelled(data, part):
    return [data.vocabulary[number] for number in getattr(data, part)]


@pytest.mark.parametrize("inner", ["", "ptb"])
def test_a_text_is_found_in_the_data_folder_or_in_one_of_its_name(tmp_path, inner):
    write(tmp_path / inner, train="a b\nc a\n", valid="a z\n")
    data = load_words("ptb", data_dir=tmp_path)
    assert spelled(data, "train") == ["a", "b", "<eos>", "c", "a", "<eos>"]
    assert spelled(data, "valid") == ["a", "<unk>", "<eos>"]
    assert data.num_classes == 5


@pytest.mark.parametrize(("name", "found"), [("./ptb", "b"), ("ptb/", "b"), ("ptb", "a"), ("./gone", "c")])
def test_a_name_written_as_a_path_means_the_text_there(tmp_path, monkeypatch, name, found):
    """Where there is such a folder; otherwise it is looked for in the data folder, as a plain name is."""
    data = write(tmp_path / "data", train="a x\n")
    write(data, "gone", train="c x\n")
    write(tmp_path / "ptb", train="b x\n")
    monkeypatch.chdir(tmp_path)
    assert spelled(load_words(name, data_dir=data), "train") == [found, "x", "<eos>"]


def test_with_a_limit_the_vocabulary_is_that_of_the_words_used(tmp_path):
    write(tmp_path, train="a b c d e f\n", valid="f a f a\n")
    data = load_words("ptb", data_dir=tmp_path, limit=2, valid_limit=2)
    assert spelled(data, "train") == ["a", "b"]
    assert spelled(data, "valid") == ["<unk>", "a"]


def test_a_byte_order_mark_is_no_word(tmp_path):
    data = load_words("ptb", data_dir=write(tmp_path, train=b"\xef\xbb\xbfa b\na b\n"))
    assert data.vocabulary == ("<eos>", "<unk>", "a", "b")


def test_the_content_makes_the_fingerprint(tmp_path):
    first = load_words("ptb", data_dir=write(tmp_path / "1", train="a b\n"))
    same = load_words("ptb", data_dir=write(tmp_path / "2", train="a b\n"))
    other = load_words("ptb", data_dir=write(tmp_path / "3", train="b a\n"))
    assert first.fingerprint == same.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"train": "word word\nword\n"},
            r"ptb.train.txt' has 1 word\(s\) to tell apart; at least 2 are needed",
        ),
        ({"train": ""}, "ptb.train.txt' holds no words"),
        ({"train": b"\xff\xfe\x00"}, "ptb.train.txt' is not UTF-8 text"),
        ({"train": "a b\n", "valid": ""}, "ptb.valid.txt' holds no words"),
    ],
)
def test_texts_that_teach_nothing_are_refused_in_one_line(tmp_path, parts, message):
    with pytest.raises(DatasetError, match=message):
        load_words("ptb", data_dir=write(tmp_path, **parts))


def test_a_missing_part_is_named(tmp_path):
    write(tmp_path, train="a b\n")
    (tmp_path / "ptb.test.txt").unlink()
    with pytest.raises(DatasetError, match=r"ptb.test.txt' cannot be read: No such file"):
        load_words("ptb", data_dir=tmp_path)
    with pytest.raises(DatasetError, match=r"no text 'ptb': ptb.train.txt was looked for in"):
        load_words("ptb", data_dir=tmp_path / "elsewhere")


def test_a_text_shorter_than_two_words_a_column_is_refused(tmp_path):
    data = load_words("ptb", data_dir=write(tmp_path, train="a b c\n"))
    with pytest.raises(DatasetError, match="has 4 training words; lstm needs 40"):
        WordTrainer(make_family("lstm", "laptop"), data, epochs=1, device="cpu")


def test_a_single_validation_word_is_refused(tmp_path):
    data = load_words("ptb", data_dir=write(tmp_path, train="a b c\n" * 20), valid_limit=1)
    with pytest.raises(DatasetError, match="has 1 validation words; lstm needs 2"):
        WordTrainer(make_family("lstm", "laptop"), data, epochs=1, device="cpu")


def test_words_that_are_not_trained_on_are_counted(tmp_path):
    data = load_words("ptb", data_dir=write(tmp_path, train="a b\n", valid="a z y b <unk>\n"))
    assert data.unknown == 3 / 6


def test_every_word_but_the_first_of_a_column_is_predicted_once(family_trainer):
    trainer = family_trainer("lstm")
    text = trainer._words[:162]
    seen = [following for _, following in trainer._columns(text, 2)]
    assert [part.shape[1] for part in seen] == [35, 35, 10]
    columns = text.numpy().reshape(2, 81)
    assert np.array_equal(np.concatenate(seen, axis=1), columns[:, 1:])


def test_the_accuracy_of_a_language_model_is_one_over_its_perplexity():
    family = make_family("lstm", "laptop")
    assert family.value(0.01) == pytest.approx(100)
    assert family.value(0.0) == float("inf")


@pytest.mark.parametrize(("accuracy", "found"), [(0.19, "5.263"), (0.0, "inf")])
def test_a_language_model_at_chance_is_told_in_perplexities(tmp_path, accuracy, found):
    """The vocabulary has five words: a, b, c, <eos> and <unk>."""
    data = load_words("ptb", data_dir=write(tmp_path, train="a b c\n" * 20))
    chance = WordTrainer(make_family("lstm", "laptop"), data, epochs=1, device="cpu").chance
    report = EpochReport(1, 0.1, 1, accuracy, 9.0, 0.0)
    assert chance.failed(report)
    assert chance.in_words(report) == f"perplexity {found} after epoch 1 is at least 5"
