import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gr_jax.serving.http.http_body import read_json

AS_JSON = (b"content-type", b"application/json")


def read(
  *parts: bytes, headers=(AS_JSON,), wait: float = 0.0, limit: int = 100
):
  parts = list(parts)

  async def receive():
    await asyncio.sleep(wait)
    body = parts.pop(0)
    return {"type": "http.request", "body": body, "more_body": bool(parts)}

  scope = {"type": "http", "method": "POST", "headers": list(headers)}
  return asyncio.run(
    read_json(Request(scope, receive), limit=limit, timeout=0.2)
  )


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
