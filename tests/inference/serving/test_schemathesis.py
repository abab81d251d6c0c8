"""Fuzzed from the server's own description: requests that fit it and requests that do not, a bounded number of each."""

from __future__ import annotations

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

ENDPOINTS = {
    "/v1/chat/completions": "POST",
    "/v1/completions": "POST",
    "/v1/embeddings": "POST",
    "/v1/models": "GET",
    "/v1/models/{model}": "GET",
    "/health": "GET",
    "/ready": "GET",
}
"""All of it; a test below says so."""

# Not `positive_data_acceptance`: what fits the description may still be too long for the context, or hold a wrong grammar.
COMMON = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def test_every_address_is_fuzzed(server):
    described = json.loads(server.get("/openapi.json")[1])["paths"]
    assert {path: method.upper() for path, methods in described.items() for method in methods} == ENDPOINTS


@pytest.mark.bad_input
@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
@pytest.mark.parametrize("path", ENDPOINTS)
def test_fuzzed(server, path, mode):
    operation = schemathesis.openapi.from_url(server.url + "/openapi.json")[path][ENDPOINTS[path]]
    fits = mode is GenerationMode.POSITIVE
    if not fits and ENDPOINTS[path] == "GET":
        pytest.skip("takes nothing that could be wrong")
    before = server.figure("smolcourse_worker_restarts_total")

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case):
        if fits and isinstance(case.body, dict) and "input" not in case.body:
            case.body = case.body | {"max_tokens": 3, "n": 1}  # short; the rest stays as it was drawn
        case.call_and_validate(checks=COMMON if fits else [*COMMON, checks.negative_data_rejection], timeout=120)

    attempt()
    assert server.figure("smolcourse_worker_restarts_total") == before
