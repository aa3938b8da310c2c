from labkit.checks.cases import Case
from labkit.checks.report import Report

CASE = Case("it works", passed=False, expected="1", got="2", printed="\n".join("abcdefgh"))


def test_a_verdict_without_a_case_is_a_line_and_a_reason() -> None:
    report = Report("01.1", "f", "error", 0, 2, message="the check itself failed")
    assert report.text() == "FAIL 01.1 f\n     the check itself failed"


def test_what_was_printed_is_shown_in_part() -> None:
    lines = Report("01.1", "f", "fail", 0, 2, 0, 1, case=CASE).text().split("\n")
    assert lines[3:] == [
        "     printed   a",
        "               b",
        "               c",
        "               d",
        "               e",
        "               … and 3 more lines",
    ]


def test_the_json_form_has_the_fields_that_pipelines_read() -> None:
    report = Report("01.1", "f", "fail", 0.5, 2, 1, 2, "it works: expected 1, got 2", CASE)
    assert report.as_json() == {
        "exercise": "01.1",
        "status": "fail",
        "points": 0.5,
        "max_points": 2,
        "message": "it works: expected 1, got 2",
    }
