"""Reads the body of a request as JSON, or refuses it with a reason."""

import asyncio
import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from gr_jax.serving.requests import shown


async def read_json(request: Request, *, limit: int, timeout: float) -> Any:
  """Reads a body of at most `limit` bytes in `timeout` seconds.

  Raises:
    HTTPException: too large, too slow, not JSON, or of another content type.
  """
  kind = request.headers.get("content-type", "")
  if kind.partition(";")[0].strip().lower() != "application/json":
    raise HTTPException(
      415, "the body must be JSON: content-type application/json."
    )
  try:
    body = await asyncio.wait_for(_read(request, limit), timeout)
  except TimeoutError:
    raise HTTPException(
      408, f"the body did not come within {timeout:g} s."
    ) from None
  try:
    return json.loads(
      body, parse_constant=_no_constant, object_pairs_hook=_distinct
    )
  except RecursionError:
    raise HTTPException(400, "the body is nested too deeply.") from None
  except ValueError as error:
    raise HTTPException(
      400, f"the body is not JSON: {_short(error)}."
    ) from None


async def _read(request: Request, limit: int) -> bytes:
  # What is left of the body is not read, so that the connection is lost.
  too_large = HTTPException(
    413, f"the body has more than {limit} bytes.", {"Connection": "close"}
  )
  length = request.headers.get("content-length", "")
  if length.isdigit() and int(length) > limit:
    raise too_large
  body = bytearray()
  async for part in request.stream():
    body += part
    if len(body) > limit:
      raise too_large
  return bytes(body)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  """An object; of two values of one name, parsers differ which counts."""
  found = dict(pairs)
  if len(found) < len(pairs):
    names = [name for name, _ in pairs]
    twice = next(name for name in found if names.count(name) > 1)
    raise ValueError(f"{shown(twice)} is named twice in one object")
  return found


def _no_constant(name: str) -> None:
  raise ValueError(f"{name} is no JSON number")


def _short(error: ValueError) -> str:
  return ascii(str(error)[:120])[1:-1]
