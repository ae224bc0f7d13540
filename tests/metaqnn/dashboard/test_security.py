"""A dashboard reads, answers its own names, and lets its pages talk to nobody else."""

import pytest

from metaqnn.dashboard.security import allowed_hosts, is_loopback

FILES = [
    "networks.csv",
    "networks/3/epochs.csv",
    "epsilons.csv",
    "long-trainings.csv",
    "curves.json?network=3",
]
PATHS = [
    "/theme.js",
    *(f"/runs/finished/{file}" for file in FILES),
    "/runs/finished",
    "/runs/finished/networks/1",
    "/version",
    "/vega.js",
    "/dashboard.css",
    "/nowhere",
]


@pytest.mark.parametrize("path", [*PATHS, "/static/dashboard.js", "/runs/finished/networks?page=x"])
def test_every_answer_has_the_headers(client, finished_run, path):
    headers = client(finished_run).get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Cache-Control" in headers
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8500", ""]
)
def test_other_names_are_refused(client, finished_run, host):
    answer = client(finished_run).get("/runs/finished", headers={"Host": host})
    assert answer.status_code == 400
    assert "finished" not in answer.text
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("host", ["localhost", "localhost:8500", "127.0.0.1:8500", "[::1]:8500", "LOCALHOST"])
def test_the_names_of_the_loopback_are_answered(client, finished_run, host):
    assert client(finished_run).get("/runs/finished", headers={"Host": host}).status_code == 200


def test_on_another_address_every_name_is_answered(client, finished_run):
    browser = client(finished_run, hosts=allowed_hosts("0.0.0.0", "0.0.0.0"))
    assert browser.get("/runs/finished", headers={"Host": "lab.example"}).status_code == 200


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("::ffff:192.168.1.2", False),
    ],
)
def test_what_is_the_loopback(address, loopback):
    assert is_loopback(address) is loopback
    assert ("*" in allowed_hosts("lab.example", address)) is not loopback


def test_a_name_that_leads_to_the_loopback_is_answered_with_its_address(client, finished_run):
    browser = client(finished_run, hosts=allowed_hosts("Lab.example", "127.0.1.1"))
    for host, status in (
        ("lab.example:8500", 200),
        ("127.0.1.1:8500", 200),
        ("localhost", 200),
        ("evil.example", 400),
    ):
        assert browser.get("/runs/finished", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/runs/finished", "/runs/finished/networks/1", "/version"])
def test_nothing_can_be_changed(client, finished_run, method, path):
    answer = client(finished_run).request(method, path)
    assert answer.status_code == 405
    assert "this dashboard is read-only" in answer.text
    assert "GET" in answer.headers["Allow"]


def test_reading_changes_no_file(client, run_copy):
    def content():
        return {file.name: file.read_bytes() for file in run_copy.path.iterdir() if file.suffix != ".db-shm"}

    browser = client(run_copy)
    browser.get("/runs/copy")  # SQLite makes an empty log
    before = content()
    for path in ("", "/networks", "/networks/3", "/version", "/figures/search.json", "/figures/q-kinds.json"):
        assert browser.get(f"/runs/copy{path}").status_code == 200
    assert content() == before


@pytest.mark.parametrize("path", ["/static/../pages.py", "/static/%2e%2e/pages.py", "/static//etc/passwd"])
def test_only_static_files_are_served(client, finished_run, path):
    assert client(finished_run).get(path).status_code == 404
