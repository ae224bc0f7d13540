"""The script for charts is made once and kept."""

import vl_convert

from metaqnn.report import vega

SCRIPT = "window.vegaEmbed = 1;"


def made(monkeypatch):
    """Counts how often the script is put together."""
    calls = []
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: calls.append(snippet) or SCRIPT)
    vega.bundle.cache_clear()
    return calls


def test_the_script_is_kept_in_the_cache_folder(tmp_path, monkeypatch):
    calls = made(monkeypatch)
    for _ in range(3):
        assert vega.bundle(tmp_path / "cache") == SCRIPT.encode()
        vega.bundle.cache_clear()
    assert len(calls) == 1
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [f"vega-embed-{vega.VERSION}.js"]


def test_a_cache_folder_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    calls = made(monkeypatch)
    (tmp_path / "file").touch()
    assert vega.bundle(tmp_path / "file" / "cache") == SCRIPT.encode()
    assert len(calls) == 1
    vega.bundle.cache_clear()


def test_the_real_script_offers_vega_embed():
    assert b"window.vegaEmbed=" in vega.bundle()


def test_a_cache_that_cannot_be_read_is_gone_on_without(tmp_path, monkeypatch):
    """As one of another user."""
    monkeypatch.setattr("metaqnn.report.vega.vl_convert.javascript_bundle", lambda snippet: "made " + snippet)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("read_bytes", "mkdir", "exists"):
        monkeypatch.setattr(type(tmp_path), name, lambda path, *_, **__: refuse(path))
    vega.bundle.cache_clear()
    assert vega.bundle(tmp_path / "cache").startswith(b"made ")
    vega.bundle.cache_clear()
