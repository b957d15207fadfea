import asyncio
import threading
from typing import Any

import pytest
from pydantic import BaseModel, RootModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gr_jax.serving.http.http_body import Bodies, BodyLimit, parsed

AS_JSON = (b"content-type", b"application/json")


class Anything(RootModel):
  root: Any


def read(
  *parts: bytes,
  headers=(AS_JSON,),
  wait: float = 0.0,
  limit: int = 100,
  model=Anything,
  **more,
):
  parts = list(parts)

  async def receive():
    await asyncio.sleep(wait)
    body = parts.pop(0)
    return {"type": "http.request", "body": body, "more_body": bool(parts)}

  scope = {"type": "http", "method": "POST", "headers": list(headers)}
  bodies = Bodies(**{"most": limit, "timeout": 0.2} | more)
  before = bodies._free
  try:
    found = asyncio.run(
      bodies.read(Request(scope, receive), model, BodyLimit(10**6, 10**6))
    )
    return found.root if model is Anything else found
  finally:
    assert bodies._free == before


def test_a_body_may_come_in_parts():
  assert read(b'{"a": ', b"[1, 2]}") == {"a": [1, 2]}


def test_two_objects_may_have_one_name():
  assert read(b'[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
  ("body", "status", "said"),
  [
    (b"", 400, "not JSON"),
    (b"{", 400, "not JSON"),
    (b"\xff\xfe", 400, "not JSON"),
    (b'{"a": NaN}', 400, "NaN is no JSON number"),
    (b'{"a": -Infinity}', 400, "-Infinity is no JSON number"),
    (b'{"a": 1, "a": 2}', 400, "'a' is named twice in one object"),
    (b'[{"k": 1}, {"k": {"b": 1, "b": 1}}]', 400, "'b' is named twice"),
    (b"9" * 90, 200, ""),
    (b" " * 101, 413, "more than 100 bytes"),
  ],
)
def test_a_bad_body_is_refused_with_its_reason(body, status, said):
  if status == 200:
    assert read(body) == int(body)
    return
  with pytest.raises(HTTPException) as caught:
    read(body)
  assert caught.value.status_code == status
  assert said in caught.value.detail


def test_deep_nesting_is_refused():
  with pytest.raises(HTTPException, match="nested too deeply"):
    read(b"[" * 100_000, limit=200_000)


@pytest.mark.parametrize(
  ("body", "options", "status"),
  [
    (b"9" * 10_000, {"limit": 20_000}, 400),
    (b"{}", {"headers": [AS_JSON, (b"content-length", b"101")]}, 413),
    (b"{}", {"wait": 1.0}, 408),
    (b"a=1", {"headers": [(b"content-type", b"text/plain")]}, 415),
    (b"{}", {"headers": []}, 415),
  ],
  ids=["endless digits", "length as said", "slow", "other type", "no type"],
)
def test_what_cannot_be_a_body_is_refused(body, options, status):
  with pytest.raises(HTTPException) as caught:
    read(body, **options)
  assert caught.value.status_code == status


@pytest.mark.parametrize(
  ("body", "values"),
  [
    (b"[[],[]]", 13),
    (b'{"a": 1, "b": [2, 3]}', 18),
    (b"[" + b"1," * 50 + b"1]", 54),
    (b"[" * 50, 200),
  ],
)
def test_what_would_be_built_is_counted_before_it_is(body, values):
  with pytest.raises(HTTPException, match=f"more than {values - 1} values"):
    parsed(body, Anything, BodyLimit(100, values - 1))
  if body[-1:] in b"]}":
    assert parsed(body, Anything, BodyLimit(100, values))


def test_a_large_body_is_parsed_beside_the_loop_and_a_small_one_at_once():
  class Here(BaseModel):
    where: str = ""

    def model_post_init(self, context):
      self.__dict__["where"] = threading.current_thread().name

  assert read(b"{}", model=Here).where == "MainThread"
  large = b"{}" + b" " * 20_000
  assert read(large, model=Here, limit=10**6).where.startswith("bodies")


def test_only_so_many_large_bodies_are_held():
  large = b" " * 20_000 + b"1"
  assert read(large, limit=10**6, held=30_000) == 1
  with pytest.raises(HTTPException) as caught:
    read(large, limit=10**6, held=19_000)
  assert caught.value.status_code == 429
  assert caught.value.headers["Retry-After"] == "1"
  assert read(b"1", held=0) == 1
