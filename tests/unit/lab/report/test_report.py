from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from lab_report import FAILED, PASSED, STOP, cell, node, report

from builder.lab.report.report import LabReport, json_schema


def test_report_comes_back() -> None:
    """What is written to lab.json is read as the same report."""
    written = report(cell(node()), cell(node("ssi2", passed=False, stopped=STOP, checks=())))
    assert LabReport.model_validate_json(written.text()) == written


def test_report_fits_its_schema() -> None:
    """What is written is what the schema describes, and the schema itself is right."""
    jsonschema.Draft202012Validator.check_schema(json_schema())
    for made in (report(cell(node(stopped=STOP))), report(cell(accelerator=None, problem="no bundle", passed=False))):
        jsonschema.validate(json.loads(made.text()), json_schema())


@pytest.mark.parametrize(("field", "value"), [("verdict", "perhaps"), ("cells", [{}]), ("unknown", 1)])
def test_schema_refuses(field: str, value: object) -> None:
    """A field that is unknown or of another form does not fit the schema."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(report(cell(node())).text()), field: value}, json_schema())


def test_kept_schema_is_current(project_directory: Path) -> None:
    """docs/reference has what the code says; `nfsroot schema --lab` writes it anew."""
    kept = (project_directory / "docs/reference/lab.schema.json").read_text()
    assert kept == json.dumps(json_schema(), indent=2) + "\n"


def test_every_field_is_described() -> None:
    """A reader of the schema finds a sentence for each field of each table."""
    schema = json_schema()
    tables = [schema, *(table for table in schema["$defs"].values() if "properties" in table)]
    fields = [(name, field) for table in tables for name, field in table["properties"].items()]
    assert [name for name, field in fields if not field.get("description")] == []


def test_failed_checks_of_a_node() -> None:
    """A node tells which of its checks it did not pass."""
    assert node(checks=(PASSED, FAILED)).failed == (FAILED,)
