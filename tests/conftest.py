"""Two processes share the tests: those of one file stay together, and of the contract those of one system, for they share what
it learned."""
import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        group = item.path.as_posix()
        if item.path.name == "test_contract.py" and hasattr(item, "callspec"):
            group += item.callspec.params["name"]
        item.add_marker(pytest.mark.xdist_group(group))
