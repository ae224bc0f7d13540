"""The lines that the report prints."""

from metaqnn.report.text import audit_line
from metaqnn.results.summary import AuditSummary


def line_of(stops):
    return audit_line(AuditSummary(stops, 0, 0, 0, None, None, None, None, 0, 0))


def test_without_a_stop_nobody_is_told_to_audit_stops():
    assert line_of(0) == "no network was stopped: there is nothing to audit"
    assert line_of(1) == "no audit of 1 stop yet: `metaqnn audit RUN` trains some to the end"
