"""Tells a server that another version is to be served."""

import http.client
import json
import time
import urllib.error
import urllib.request

_TRIES, _WAIT, _TIMEOUT = 20, 1.0, 600.0


class NotSwitched(ValueError):
  """The server refused, and goes on with what it served."""


class WrongServer(NotSwitched):
  """It is of another run, or takes no command from us: no verdict on ours."""


class NotReached(ValueError):
  """Nobody answered; a server that starts serves what the pointer names."""


def reload(server: str, token: str, name: str) -> None:
  """Asks a server to serve what the pointer names; returns when it does.

  Args:
    server: its address, "http://HOST:PORT".
    token: its bearer token, which it needs for this.
    name: the version that the pointer names.

  Raises:
    NotSwitched: it refused; `WrongServer` for want of a token, or where it
      serves another version, as the server of another run does.
    NotReached: it did not answer.
  """
  address = f"{server.rstrip('/')}/admin/reload"
  headers = {"Authorization": f"Bearer {token}"}
  for _ in range(_TRIES):
    request = urllib.request.Request(address, b"", headers, method="POST")
    try:
      with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        _check_model(server, answer.read(), name)
        return
    except urllib.error.HTTPError as error:
      if error.code != 503:
        kind = WrongServer if error.code in (401, 403, 404) else NotSwitched
        raise kind(
          f"{server} refused the switch: {_sentence(error)}"
        ) from error
    except (OSError, http.client.HTTPException) as error:
      reason = getattr(error, "reason", error)
      raise NotReached(f"{server} did not answer ({reason})") from error
    # Another reload is under way, or it is starting.
    time.sleep(_WAIT)
  raise NotReached(f"{server} was busy {_TRIES} times")


def _check_model(server: str, answer: bytes, name: str) -> None:
  try:
    # Servers of before do not say it.
    model = json.loads(answer).get("model", name)
  except (ValueError, AttributeError) as error:
    raise WrongServer(f"{server} is no server of gr_jax") from error
  if model != name:
    raise WrongServer(
      f"{server} serves {model}, not {name}: start it with the --artefacts of "
      "this run."
    )


def _sentence(error: urllib.error.HTTPError) -> str:
  try:
    return json.loads(error.read())["error"]
  except (ValueError, KeyError, TypeError, OSError):
    return f"status {error.code}"
