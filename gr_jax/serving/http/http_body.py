"""Reads the body of a request as JSON, or refuses it with a reason.

While Python's parser works, no other thread does: what it would build is
counted first, and a body that holds more values than any right one is refused
before. Large bodies are parsed and checked in a thread, one after the other, so
that the event loop never stands still for longer than one of them takes.
"""

import asyncio
import concurrent.futures
import dataclasses
import json
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gr_jax.serving.http.validation import validated
from gr_jax.serving.requests import shown

Model = TypeVar("Model", bound=BaseModel)
_LARGE = 16_384  # Bytes that are parsed in less time than a thread needs.
_CONTAINER = 4  # What an object, a list or a name costs, in numbers.


@dataclasses.dataclass(frozen=True)
class BodyLimit:
  """The most that a body may hold.

  Attributes:
    size: bytes.
    values: numbers, strings and the like; an object, a list and a name of an
      object count four times.
  """

  size: int
  values: int


SEARCH = BodyLimit(300_000, 50_000)
BATCH = BodyLimit(1_000_000, 100_000)
CHANGE = BodyLimit(4_000_000, 250_000)


class Bodies:
  """Reads bodies of one server.

  Args:
    most: bytes of any body, where its route allows more.
    held: bytes of all large bodies that are read or wait to be parsed.
    timeout: seconds until a body must be there.
  """

  def __init__(self, *, most: int, held: int = 64_000_000, timeout: float):
    self._most, self._free, self._timeout = most, held, timeout
    self._thread = concurrent.futures.ThreadPoolExecutor(1, "bodies")

  async def read(
    self, request: Request, model: type[Model], limit: BodyLimit
  ) -> Model:
    """Returns the body as the model has it.

    Raises:
      HTTPException: too large, too slow, not JSON, or of another content type.
      Invalid: it does not fit the model.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
      raise HTTPException(
        415, "the body must be JSON: content-type application/json."
      )
    body = bytearray()
    try:
      await self._receive(request, body, min(limit.size, self._most))
      if len(body) <= _LARGE:
        return parsed(body, model, limit)
      loop = asyncio.get_running_loop()
      return await loop.run_in_executor(
        self._thread, parsed, body, model, limit
      )
    finally:
      self._free += _held(len(body))

  async def _receive(
    self, request: Request, body: bytearray, most: int
  ) -> None:
    # What is left of the body is not read, so that the connection is lost.
    too_large = HTTPException(
      413, f"the body has more than {most} bytes.", {"Connection": "close"}
    )
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
      raise too_large
    try:
      async with asyncio.timeout(self._timeout):
        async for part in request.stream():
          before = _held(len(body))
          body += part
          self._free -= _held(len(body)) - before
          if len(body) > most:
            raise too_large
          if self._free < 0 and len(body) > _LARGE:
            raise HTTPException(
              429,
              "too many large bodies come at once.",
              {"Connection": "close", "Retry-After": "1"},
            )
    except TimeoutError:
      raise HTTPException(
        408, f"the body did not come within {self._timeout:g} s."
      ) from None


def _held(size: int) -> int:
  return size if size > _LARGE else 0


def parsed(
  body: bytes | bytearray, model: type[Model], limit: BodyLimit
) -> Model:
  """The value of a whole body, as the model has it.

  Raises:
    HTTPException: it has too many values, or is not JSON.
    Invalid: it does not fit the model.
  """
  built = sum(map(body.count, (b"[", b"{", b":")))
  values = body.count(b",") + _CONTAINER * built
  if values > limit.values:
    raise HTTPException(
      413,
      f"the body has more than {limit.values} values (an object, a list or a "
      "name counts four times); send it in parts.",
    )
  try:
    found = json.loads(
      body, parse_constant=_no_constant, object_pairs_hook=_distinct
    )
  except RecursionError:
    raise HTTPException(400, "the body is nested too deeply.") from None
  except ValueError as error:
    raise HTTPException(
      400, f"the body is not JSON: {_short(error)}."
    ) from None
  return validated(model, found)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  """An object; of two values of one name, parsers differ which counts."""
  found = dict(pairs)
  if len(found) < len(pairs):
    seen = set()
    twice = next(n for n, _ in pairs if n in seen or seen.add(n))
    raise ValueError(f"{shown(twice)} is named twice in one object")
  return found


def _no_constant(name: str) -> None:
  raise ValueError(f"{name} is no JSON number")


def _short(error: ValueError) -> str:
  return ascii(str(error)[:120])[1:-1]
