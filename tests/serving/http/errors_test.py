"""Every error has one shape, with the status that it means."""

import json

import hypothesis
import hypothesis.strategies as st
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from gr_jax.serving.catalogue.service import Busy, NoRoom, NotWritten
from gr_jax.serving.engine.batching import QueueFull
from gr_jax.serving.http.errors import bug, http_error, refusal
from gr_jax.serving.requests import Invalid

EXPECTED = [
  (HTTPException(413, "too\nlarge", {"Connection": "close"}), 413, "too large"),
  (Invalid("k must be\r\n 1 to 5"), 422, "k must be 1 to 5"),
  (QueueFull(2.0), 429, "the queue is full; try again in 2.0 s."),
  (TimeoutError(), 504, "no answer in time."),
  (Busy(), 503, "a reload is under way."),
  (NoRoom("level 2\nis full"), 409, "level 2 is full"),
  (NotWritten("No space"), 507, "nothing has changed: No space."),
]


def said(response, status: int) -> str:
  """The one sentence of an error, whose whole body it is."""
  assert response.status_code == status
  assert response.headers["content-type"] == "application/json"
  body = json.loads(getattr(response, "body", None) or response.content)
  assert list(body) == ["error"]
  return body["error"]


@pytest.mark.parametrize(("error", "status", "text"), EXPECTED)
def test_an_expected_error_is_one_sentence_under_its_status(
  error, status, text
):
  assert said(refusal(error), status) == text


def test_only_what_passes_by_itself_says_when_to_come_back():
  waits = {s for e, s, _ in EXPECTED if "retry-after" in refusal(e).headers}
  assert waits == {429, 503}


@hypothesis.given(seconds=st.floats(1e-3, 1e6))
def test_a_full_queue_names_whole_seconds_and_never_too_few(seconds):
  wait = refusal(QueueFull(seconds)).headers["retry-after"]
  assert seconds <= int(wait) < seconds + 1


def test_the_headers_of_a_refusal_reach_the_client():
  error = HTTPException(401, "no", {"WWW-Authenticate": "Bearer"})
  assert refusal(error).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
  "error", [ValueError("x"), KeyError("x"), OSError("x"), AssertionError()]
)
def test_a_bug_is_no_refusal(error):
  assert refusal(error) is None


@pytest.fixture(scope="module")
def client():
  async def broken(request):
    raise KeyError("secret")

  async def odd(request):
    raise HTTPException(418, "short and\nstout")

  app = Starlette(
    routes=[
      Route("/only", lambda request: Response(), methods=["GET"]),
      Route("/broken", broken),
      Route("/odd", odd),
    ],
    exception_handlers={HTTPException: http_error, Exception: bug},
  )
  return TestClient(app, raise_server_exceptions=False)


def test_a_path_that_is_not_there_names_where_to_look(client):
  assert "/openapi.json" in said(client.get("/nothing"), 404)


def test_a_wrong_method_is_answered_with_the_right_ones(client):
  response = client.post("/only")
  assert said(response, 405) == "POST is not for /only."
  assert "GET" in response.headers["allow"]


def test_any_other_status_of_the_framework_has_the_shape_as_well(client):
  assert said(client.get("/odd"), 418) == "short and stout."


def test_a_bug_shows_nothing_of_itself(client):
  assert "secret" not in said(client.get("/broken"), 500)
