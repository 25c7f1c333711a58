"""Accepted rules go into the dataset's file, which stays otherwise as it is."""

from __future__ import annotations

import stat
import textwrap
from pathlib import Path

import pytest

from pipeline.tiny import make
from vertebra.declare.document import Document
from vertebra.declare.load import load_project
from vertebra.errors import DeclarationError
from vertebra.trusted.discover.accept import accept, inserted

NEW = {
    "short_code": {"description": 'A "code": it\'s short.', "matches": {"shop": r"S[0-9]\."}, "on_violation": "report"},
    "no": {"values": {"city": ["Girona", "no", "1e5", "007", "a: b # c", "ñ"]}, "on_violation": "report"},
    "far": {"range": {"price": [None, 12.5]}, "on_violation": "report"},
    "ident": {"unique": ["id", "day"], "on_violation": "report"},
}

HEAD = "source: tills\n# what they sell\ncolumns:\n  id: int   # of the till\n\n"
LAYOUTS = {
    "no rules": HEAD,
    "no line at the end": HEAD.rstrip("\n"),
    "rules at the end": HEAD + "rules:\n  a:\n    deny: t.x < 0   # never\n",
    "text in several lines at the end": HEAD
    + "rules:\n  a:\n    deny: >\n      t.x < 0\n      and t.y > 0\n  # done\n\n",
    "keys after the rules": HEAD + "rules:\n    a:\n        deny: t.x < 0\n    # about a\n\n# the end\ntags: [x]\n",
    "rules without a value": HEAD + "rules:   # none yet\ntags: [x]\n",
    "empty braces": HEAD + "rules: {}\ntags: [x]\n",
    "braces": HEAD + "rules: {a: {deny: t.x < 0}}\ntags: [x]\n",
    "braces in several lines": HEAD + "rules: {\n  a: {deny: t.x < 0},\n  }\ntags: [x]\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rules_are_added_and_every_other_line_stays(layout: str) -> None:
    text = LAYOUTS[layout]
    changed = inserted(text, NEW)
    before, after = Document(Path("a.yaml"), text), Document(Path("a.yaml"), changed)
    assert after.errors == []
    assert after.value == before.value | {"rules": (before.value.get("rules") or {}) | NEW}
    comments = [line for line in text.splitlines() if "#" in line]
    assert [line for line in changed.splitlines() if line in comments] == comments


def test_rules_stand_before_the_comment_of_the_next_key() -> None:
    lines = inserted(LAYOUTS["keys after the rules"], {"b": {"required": "id"}}).splitlines()
    at = lines.index("    b:")
    assert lines.index("    # about a") < at < lines.index("# the end")
    assert lines[at + 1] == "      required: id"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path / "project")


def write(project: Path, rules: dict[str, dict[str, object]]) -> Path:
    loaded = load_project(project)
    file = project / "datasets" / "sales.yaml"
    accept(file, loaded.datasets["sales"], loaded.datasets, rules)
    return file


def test_accepted_rules_are_declared(project: Path) -> None:
    write(project, NEW)
    rules = load_project(project).datasets["sales"].rules
    assert list(rules) == ["refund", "shop_city", *NEW]
    assert rules["no"].values == {"city": tuple(NEW["no"]["values"]["city"])}
    assert rules["short_code"].on_violation == "report"


def test_line_ends_byte_order_mark_and_mode_are_kept(project: Path) -> None:
    file = project / "datasets" / "sales.yaml"
    text = textwrap.dedent(file.read_text("utf-8"))
    file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    file.chmod(0o640)
    write(project, {"far": NEW["far"]})
    data = file.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert "far" in load_project(project).datasets["sales"].rules
    assert sorted(path.name for path in file.parent.iterdir()) == ["sales.yaml", "shops.yaml"]


REFUSED = {
    "a name that is taken": {"refund": {"required": "city"}},
    "a name that a column's rule has": {"shop_references_shops": {"required": "city"}},
    "a name that is none": {"Two words": {"required": "city"}},
    "a column that is not there": {"x": {"required": "town"}},
    "two rules in one name": {"fine": {"required": "city"}, "refund": {"required": "day"}},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_declared_leaves_the_file_as_it_was(project: Path, case: str) -> None:
    file = project / "datasets" / "sales.yaml"
    before = file.read_bytes()
    with pytest.raises(DeclarationError):
        write(project, REFUSED[case])
    assert file.read_bytes() == before


def test_a_file_in_one_pair_of_braces_is_left_to_its_author(project: Path) -> None:
    file = project / "datasets" / "shops.yaml"
    text = "{source: office, collect: {from: files, path: data/shops.csv}, parse: {format: csv}, columns: {shop: string}}\n"
    file.write_text(text)
    loaded = load_project(project)
    with pytest.raises(DeclarationError, match="without changing its layout"):
        accept(file, loaded.datasets["shops"], loaded.datasets, {"a": {"required": "shop"}})
    assert file.read_text() == text
