"""Add a rule sugar and use it: printed as JSON for :mod:`tests.declare.test_adding_a_sugar`, in a process of its own.

The models are made from the registry when they are imported, so the module of the new sugar is put where the registry
looks before anything else is imported; a real sugar is a file in the package.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
SALES = "datasets/sales.yaml"


def shown() -> str:
    """The module of a sugar that the guide for contributors shows."""
    section = CONTRIBUTING.read_text("utf-8").partition("## Add a rule sugar\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"^ *```python\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)
    return textwrap.dedent(code)


def main(root: Path) -> None:
    import vertebra.declare.sugar

    (root / "sugar").mkdir()
    (root / "sugar" / "max_length.py").write_text(shown(), "utf-8")
    vertebra.declare.sugar.__path__.append(str(root / "sugar"))
    json.dump(use(root / "project"), sys.stdout)


def use(root: Path) -> dict[str, Any]:
    from pipeline.tiny import edit, make, open_tiny
    from vertebra.declare.load import load_project
    from vertebra.declare.rule_review import rule_warnings
    from vertebra.declare.rules import rules_of
    from vertebra.declare.schema import json_schema
    from vertebra.errors import DeclarationErrors
    from vertebra.report.quality.rules import declared_text
    from vertebra.report.rule_reference import reference
    from vertebra.trusted.discover.accept import accept

    make(root)
    edit(root, SALES, "  city: string\n", "  city: {type: string, max_length: 40}\n")
    edit(root, SALES, "rules:\n", "rules:\n  code:\n    max_length: {shop: 5}\n")
    seen: dict[str, Any] = {}
    with open_tiny(root) as project:
        dataset = project.project.datasets["sales"]
        rules = rules_of(dataset, project.project.datasets)
        seen["rules"] = {rule.name: str(rule.constraint) for rule in rules if rule.kind == "max_length"}
        seen["declared"] = [declared_text(rule, dataset) for rule in rules if rule.kind == "max_length"]
        project.run("+trusted.sales")
        seen["before"] = violations(project)
    edit(root, SALES, "max_length: 40", "max_length: 4")
    edit(root, SALES, "rules:\n", "rules:\n  short:\n    deny: length(t.city) > 3\n")
    with open_tiny(root) as project:
        plan = {step.step.name: (step.action, step.words) for step in project.plan("formatted.sales trusted.sales")}
        seen["plan"] = plan
        project.run("trusted.sales")
        seen["after"] = violations(project)
        seen["warnings"] = [
            str(warning).replace("project/datasets", "datasets") for warning in rule_warnings(project.project)
        ]
        file, datasets = root / SALES, project.project.datasets
        text = file.read_text()
        new = {"description": "Short.", "max_length": {"shop": 9}, "on_violation": "report"}
        accept(file, datasets["sales"], datasets, {"accepted": new})
        seen["accepted"] = file.read_text().removeprefix(text)
    schema = json_schema("dataset")["$defs"]
    column, rule = (form["properties"]["max_length"] for form in (schema["Column"]["anyOf"][0], schema["Rule"]))
    seen["schema"] = [column["anyOf"][0]["type"], column["description"], rule["examples"]]
    seen["reference"] = [line for line in reference().splitlines() if "max_length" in line]
    edit(root, SALES, "max_length: {shop: 5}", "max_length: {shp: 5}")
    try:
        load_project(root)
    except DeclarationErrors as error:
        seen["error"] = str(error).replace("project/datasets", "datasets")
    return seen


def violations(project: Any) -> list[str]:
    rows = project.table("governance.violations").arrow().to_pylist()
    return sorted({row["rule"] for row in rows if "length" in row["rule"] or row["rule"] == "code"})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
