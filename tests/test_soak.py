"""The long tests themselves: what tried nothing is no success, what failed leaves nothing."""

import random
from importlib.util import find_spec

import pytest
import soak
from fuzz import __main__ as fuzz


@pytest.mark.skipif(bool(find_spec("atheris")), reason="atheris always tries something")
def test_a_fuzzer_that_tried_no_input_is_a_finding(tmp_path):
    (result,) = fuzz.run("request", 0, random.randrange(2**30), tmp_path)
    assert result.inputs == 0
    assert result.findings == ["mutations tried no input"]


def test_a_failed_round_of_requests_leaves_no_server(monkeypatch):
    pytest.importorskip("uvicorn")
    pytest.importorskip("fastapi")
    servers = []

    def fails(server, _):
        servers.append(server)
        raise AssertionError("a finding")

    monkeypatch.setattr(soak.Server, "check", fails)
    (part,) = soak.requests(soak.Tally(), 1)
    with pytest.raises(AssertionError, match="a finding"):
        part()
    assert servers[0].process.poll() is not None
