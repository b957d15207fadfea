"""Errors as a status and one sentence in JSON, for the sender."""

import math
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from gr_jax.serving.catalogue.service import Busy, NoRoom, NotWritten
from gr_jax.serving.engine.batching import QueueFull
from gr_jax.serving.requests import Invalid


def refusal(error: Exception) -> JSONResponse | None:
  """Returns the reply to an expected error, None for a bug."""
  match error:
    case HTTPException():
      return reply(error.status_code, error.detail, error.headers)
    case Invalid():
      return reply(422, str(error))
    case QueueFull():
      wait = {"Retry-After": str(math.ceil(error.seconds))}
      return reply(429, f"the queue is full; {error}.", wait)
    case TimeoutError():
      return reply(504, "no answer in time.")
    case Busy():
      return reply(503, "a reload is under way.", {"Retry-After": "5"})
    case NoRoom():
      return reply(409, str(error))
    case NotWritten():
      return reply(507, f"nothing has changed: {error}.")
  return None


def reply(
  status: int, text: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
  """`{"error": text}`, the text on one line."""
  line = " ".join(text.split())
  more = {"X-Content-Type-Options": "nosniff"} | dict(headers or {})
  return JSONResponse({"error": line}, status_code=status, headers=more)


async def http_error(request: Request, error: HTTPException) -> JSONResponse:
  """Answers that there is no such route, or not by this method."""
  known = {
    404: "there is nothing here; see /openapi.json.",
    405: f"{request.method} is not for {request.url.path}.",
  }
  text = known.get(error.status_code, f"{error.detail}.")
  return reply(error.status_code, text, error.headers)


async def bug(request: Request, error: Exception) -> JSONResponse:
  """Answers a bug; its trace goes to the server's own log."""
  return reply(500, "an error of the server; its log has the trace.")
