"""A plug-in that is not what its entry point says is an error with the name of its package, never a traceback."""

from __future__ import annotations

import pytest

from plugins.conftest import Install
from vertebra.declare.repair import REPAIR_METHODS
from vertebra.errors import RegistryError

NAMELESS = """\
from vertebra.trusted.repair.port import RepairMethod
class Nameless(RepairMethod):
    def columns(self, rule, dataset): return ()
    def propose(self, rule, dataset, relation, violations): return relation
METHOD = Nameless()
"""


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("raise RuntimeError('no licence')", "cannot be loaded"),
        ("import sys; sys.exit(3)", "cannot be loaded"),
        ("OTHER = 1", "cannot be loaded"),
        ("from vertebra.trusted.repair.port import RepairMethod as METHOD", "is a ABCMeta"),
        ("METHOD = {'name': 'odd'}", "is a dict"),
        (NAMELESS, "has no name"),
        (NAMELESS + "Nameless.name = 'other'", "calls itself 'other'"),
        (NAMELESS.replace("def propose", "name = 'odd'\n    def suggest"), "cannot be loaded"),
    ],
    ids=["raises", "exits", "lacks", "class", "other-type", "nameless", "other-name", "incomplete"],
)
def test_the_error_names_the_package(install: Install, code: str, fact: str) -> None:
    install("vertebra-odd", {"vertebra_odd.py": code}, {"vertebra.repair_methods": {"odd": "vertebra_odd:METHOD"}})
    with pytest.raises(RegistryError) as refused:
        REPAIR_METHODS.get_or_refuse("odd")
    assert refused.value.fact == f"the repair method 'odd' of vertebra-odd {fact}"


def test_a_name_that_exists_already_is_refused(install: Install) -> None:
    install("vertebra-odd", {}, {"vertebra.repair_methods": {"set": "vertebra_odd:METHOD"}})
    with pytest.raises(RegistryError, match="two packages add the repair method 'set'"):
        list(REPAIR_METHODS)
