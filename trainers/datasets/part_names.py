"""Which words name parts of a data set, in the spellings and languages in use.

A folder "training_set" taken for a class would go unnoticed, so names are compared by what they have in
common: "seg_train" and "seg_test" are the same but for a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

PLAIN = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test",
    "val": "val", "valid": "val", "validation": "val",
}  # fmt: skip
"""Names that always mean a split."""

_WORDS = {
    "train": "train training trainval trainvalid trn tr treino treinamento treinar entrenamiento entreno "
    "entrenar entrainement apprentissage addestramento allenamento trening traening egitim uczenie latihan "
    "обучение обучающая тренировка 训练 训练集 训练数据 訓練 学習 学习 훈련 학습",
    "test": "test testing tests tst ts teste testes prueba pruebas essai prova prove тест тестовая "
    "测试 测试集 測試 テスト 테스트 holdout",
    "val": "val vali valid validation validate dev development validacao validacion validazione validierung "
    "validering walidacja dogrulama проверка валидация 验证 验证集 検証 검증 validasi",
    "eval": "eval evaluation evaluacion evaluacao evaluierung",
}
_KINDS = {
    "images": "image images img imgs imagem imagenes imagens jpegimages rgb",
    "masks": "mask masks label labels annotation annotations annot annots gt groundtruth segmentation "
    "segmentations segmentationclass segmentationobject trimap trimaps labelmap labelmaps mascara mascaras",
    "folds": "fold folds cv split part partition batch subset chunk shard",
    "around": "x y set sets data dataset datasets image images img imgs folder dir split s",
    "neutral": "all none unknown unlabeled unlabelled unclassified dummy pred",
}
_IMAGES, _MASKS, _FOLDS, _AROUND, _NEUTRAL = (frozenset(words.split()) for words in _KINDS.values())


def plain(name: str) -> str:
    """A name in small letters without accents."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


_ROLES = {plain(word): role for role, words in _WORDS.items() for word in words.split()}
_LONGEST = sorted((word for word in _ROLES if len(word) > 2 or not word.isascii()), key=len, reverse=True)
_PART = "|".join(sorted(_AROUND, key=len, reverse=True))
_COMPOUND = re.compile(rf"(?:{_PART})?({'|'.join(map(re.escape, _LONGEST))})(?:{_PART})*")


def role_of(name: str, strict: bool = True) -> str | None:
    """The split that a name's words tell: train, test, val or eval; None where they tell none, or two.

    "train_val" is for training.

    Args:
        name: of a folder.
        strict: whether all words must be about splits, so that "train_station" tells none.
    """
    tokens = _tokens(name)
    found = {role for token in tokens if (role := _role_of_token(token))}
    if strict and not all(_role_of_token(token) or token in _AROUND for token in tokens):
        return None
    if found in ({"train", "val"}, {"train", "eval"}):
        return "train"
    return found.pop() if len(found) == 1 else None


def partners(names: Collection[str]) -> dict[str, str]:
    """Names that are the same but for a word that tells a split, with their splits; at least two differ."""
    groups: dict[str, dict[str, str]] = {}
    for name in names:
        small = plain(name)
        word = next((word for word in _LONGEST if word in small), None)
        if word is not None:
            rest = re.sub(r"\d+", "0", small.replace(word, "\0", 1))
            rest = re.sub(r"\0s(?=[a-z])", "\0", rest)  # German: Trainingsbilder, Testbilder
            groups.setdefault(rest, {})[name] = _ROLES[word]
    alike = [group for group in groups.values() if len(set(group.values())) > 1]
    return {name: role for group in alike for name, role in group.items()}


def roles(names: Collection[str], strict: bool = True) -> dict[str, str]:
    """The splits among names: train, test or val. Evaluation is the test set beside validation alone."""
    found = {name: role for name in names if (role := role_of(name, strict))} | partners(names)
    others = set(found.values()) - {"eval"}
    evaluation = "test" if "val" in others and "test" not in others else "val"
    return {name: evaluation if role == "eval" else role for name, role in found.items()}


def holds_masks(names: Collection[str]) -> str | None:
    """The name of one that holds masks or labels if it stands beside others with the images."""
    words = {name: set(_tokens(name)) for name in names}
    masks = [name for name in names if words[name] & _MASKS]
    images = [words[name] for name in names if name not in masks]
    for name in sorted(masks):
        rest = words[name] - _MASKS
        if any(beside & _IMAGES or (beside == rest and role_of(" ".join(rest))) for beside in images):
            return name
    return None


def is_mask_of(stem: str, others: Collection[str]) -> bool:
    """Whether a file has the name of another one with `_mask` or the like at the end."""
    match = re.search(r"[ _.-]([a-z]+)[ _.-]?\d*$", stem)
    return match is not None and match[1] in _MASKS and stem[: match.start()].rstrip(" _.-") in others


def says_nothing(name: str) -> bool:
    """Whether a folder's name tells no class: images, test, unlabelled."""
    return all(_role_of_token(token) or token in _AROUND | _NEUTRAL for token in _tokens(name))


def are_folds(names: Collection[str]) -> bool:
    """Whether all are called fold1, fold2, or the like; also images1, data2."""
    words = [set(_tokens(name)) for name in names]
    return all(some & _FOLDS or (some and some <= _IMAGES | {"data", "dataset", "set"}) for some in words)


def _tokens(name: str) -> list[str]:
    """The words of a name: "TrainSet_2017" has train and set."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+", plain(apart))


def _role_of_token(token: str) -> str | None:
    if token in _ROLES:
        return _ROLES[token]
    match = _COMPOUND.fullmatch(token)
    return _ROLES[match[1]] if match else None
