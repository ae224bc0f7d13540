"""The run folder of a tuning: which study is its own, and its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from os.path import relpath
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import sqlalchemy
from sqlalchemy.engine import make_url

from metaqnn.config.environment import Environment
from metaqnn.config.tuned import read_json
from metaqnn.database.engine import connection_settings, named_url, postgresql_url
from metaqnn.mirrors.optuna import without_password
from metaqnn.session.preparation import library_versions, version_changes
from metaqnn.session.run_folder import STUDY, STUDY_DATABASE, RunFolder, RunFolderError
from metaqnn.tune import TuneError
from metaqnn.tune.settings import TuneSettings
from predictor.files import small_json
from predictor.servers import require_known
from trainers.files import write_whole

STUDY_OWNER = "study-owner.json"


class TuneFolder:
    """A run folder that holds a tuning.

    Args:
        path: an existing or future folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = RunFolder(path)

    @property
    def checkpoints(self) -> Path:
        """Where trials in training are saved."""
        return self.path / "checkpoints"

    def require(self) -> None:
        """Raise RunFolderError if the folder was removed or moved while its trials were trained."""
        if not self.path.is_dir():
            raise RunFolderError(
                f"run folder {str(self.path)!r} was removed or moved under the tuning; if it was moved, "
                "resume with: metaqnn tune --resume ITS-NEW-PLACE"
            )

    def place(self, name: str, storage: str | None) -> tuple[str, str]:
        """URL and name of a new study, for Optuna.

        Args:
            name: of the study in the folder's own file; in another storage the folder's name is added.
            storage: its URL; None for an SQLite file in this folder, which is made.

        Raises:
            RunFolderError: the folder holds a search or a training, or there can be no such folder.
            MirrorError: the storage is not a URL.
            StorageError: it is that of a PostgreSQL server, but leads nowhere.
        """
        self.run.refuse_other("tuning")
        if storage is None:
            self.run.make()
            return self._url(None), name
        without_password(storage)
        return self._url(storage, named=True), f"{name}, {self.path.resolve().name}"

    def owner(self) -> str:
        """The id by which a study in a storage of others knows this folder, which is locked; made once.

        Raises:
            ConfigError: its file cannot be read.
        """
        file = self.path / STUDY_OWNER
        if not file.exists():
            write_whole(file, json.dumps({"owner": uuid4().hex}) + "\n")
        return str(read_json(file).get("owner"))

    def remember(self, name: str, storage: str | None, settings: TuneSettings, place: Environment) -> None:
        """Write down what the study is, and where, for any working directory and without a password.

        A relative SQLite file is also found from the run folder: both can be moved or copied together.

        Args:
            name: of the study.
            storage: its URL; None for this folder's own file.
            settings: of the tuning.
            place: where trials are trained.

        Raises:
            MirrorError: the storage is not a URL.
            RunFolderError: there can be no such folder.
        """
        self.run.make()
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        url = None if storage is None else _stored(storage)
        facts = {"url": url, "study": name, "settings": asdict(settings), "environment": asdict(place)}
        facts["versions"] = library_versions("optuna")
        file = None if storage is None else sqlite_file(storage)
        if file is not None and not file.is_absolute():
            facts["from_here"] = relpath(file.resolve(), self.path.resolve())
        write_whole(self.path / STUDY, json.dumps(facts, indent=2) + "\n")

    def open(self, storage: str | None = None) -> tuple[str, str, TuneSettings, Environment]:
        """URL, name and settings of the study that was begun here, and where its trials were trained last.

        Args:
            storage: the URL again, for example because of its password.

        Raises:
            RunFolderError: there is none.
            TuneError: the URL is not that of the study.
            UnknownServerError: it is on a server that would get a password and that the user never named.
        """
        file = self.path / STUDY
        if not file.is_file():
            raise RunFolderError(f"{str(self.path)!r} holds no tuning: there is no {STUDY} in it")
        try:
            remembered = small_json(file)
            url, name = self._found(remembered), str(remembered["study"])
            settings = TuneSettings(**remembered["settings"])
            place = Environment.stored(remembered["environment"])
        except (LookupError, OSError, TypeError, ValueError) as error:
            raise RunFolderError(f"{str(file)!r} does not name a study: {error}") from None
        if storage is not None and not _are_same(storage, url):
            there = "in its own file" if url is None else f"in {without_password(url)}"
            raise TuneError(f"the study of {str(self.path)!r} is {there}, not in {without_password(storage)}")
        return self._url(storage or url, named=storage is not None), name, settings, place

    def _found(self, remembered: Mapping[str, Any]) -> str | None:
        """The stored URL; a relative file is looked for at its old place as seen from this folder first."""
        url: str | None = remembered["url"]
        file = self.path.resolve() / remembered.get("from_here", "")
        return _with_file(url, file) if url is not None and file.is_file() else url

    def version_notes(self) -> tuple[str, ...]:
        """A note if libraries have other versions than when the study was begun here; none if unknown."""
        before = read_json(self.path / STUDY).get("versions", {})
        return tuple(version_changes(before, library_versions("optuna")))

    def move(self, place: Environment) -> None:
        """Write down where trials are trained from now on; the folder is locked, and holds a study."""
        file = self.path / STUDY
        facts = {**read_json(file), "environment": asdict(place)}
        write_whole(file, json.dumps(facts, indent=2) + "\n")

    def _url(self, storage: str | None, *, named: bool = False) -> str:
        """The URL for Optuna; a storage `named` by the user now may be sent passwords."""
        if storage is None:
            return sqlite_text(self.path / STUDY_DATABASE)
        if not storage.startswith("postgres"):
            return storage
        url = named_url(storage) if named else postgresql_url(storage)
        require_known(connection_settings(url))
        return url.render_as_string()


def sqlite_text(path: Path) -> str:
    """The URL of an SQLite file as text, for Optuna, which fills in what is in braces.

    SQLAlchemy writes only UTF-8, so paths of other bytes need to be quoted here. It unquotes them only from
    2.1 on; before, it takes a path as it is, up to a question mark. Raises TuneError if that is not the path.
    """
    plain = str(path.resolve())
    escaped = (letter if ord(letter) > 127 else quote(letter, safe=" +/") for letter in plain)
    url = f"sqlite:///{''.join(escaped)}"
    if make_url(url).database == plain:
        return url
    if "?" in plain:
        raise TuneError(
            f"SQLAlchemy {sqlalchemy.__version__} opens no database in a folder with a question mark in its "
            f"name, {plain!r}; give another --run-dir, or install sqlalchemy>=2.1"
        )
    return f"sqlite:///{plain.replace('{', '{{').replace('}', '}}')}"


def sqlite_file(storage: str) -> Path | None:
    """The file of an SQLite storage; None for a server, and where the name is a URI of SQLite's own."""
    url = make_url(storage)
    if url.get_backend_name() != "sqlite" or "uri" in url.query or not url.database:
        return None
    return Path(url.database)


def _stored(storage: str) -> str:
    """The URL without a password, and with the whole path of an SQLite file. Raises MirrorError."""
    plain = without_password(storage)
    file = sqlite_file(plain)
    return plain if file is None else _with_file(plain, file)


def _with_file(url: str, file: Path) -> str:
    """The URL with the whole path of this file, its settings kept."""
    _, mark, settings = url.partition("?")
    return sqlite_text(file) + mark + settings


def _are_same(storage: str, url: str | None) -> bool:
    """Whether both are one storage, whatever their passwords."""
    return url is not None and make_url(_stored(storage)) == make_url(_stored(url))
