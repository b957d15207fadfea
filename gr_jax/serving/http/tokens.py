"""Who may read, and who may change."""

import hmac
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request

Access = Literal["open", "read", "change"]
"""What an operation needs: nothing, either token, or the full one."""


class Tokens:
  """The bearer tokens of a server (RFC 6750).

  Args:
    full: for everything; empty = nobody is asked for a token.
    read: for all that changes nothing; empty = there is none.

  Raises:
    ValueError: only the second is there, both are one, or one cannot stand in
      a header.
  """

  def __init__(self, full: str = "", read: str = ""):
    if read and not full:
      raise ValueError("a token for reading needs a full one beside it.")
    if read and read == full:
      raise ValueError("the token for reading must differ from the full one.")
    for token in (full, read):
      if not token.isprintable() or " " in token:
        raise ValueError("a token must have no blank and no line break.")
    self._full, self._read = full.encode(), read.encode()

  def check(self, request: Request, access: Access) -> None:
    """Raises HTTPException: the request has not the token for it."""
    if access == "open" or not self._full:
      return
    scheme, _, given = (
      request.headers.get("authorization", "").encode("latin-1").partition(b" ")
    )
    known = scheme.lower() == b"bearer"
    # Both in constant time, whichever it is.
    full = hmac.compare_digest(given, self._full)
    read = hmac.compare_digest(given, self._read) and bool(self._read)
    if not known or not (full or read):
      raise HTTPException(
        401,
        "the bearer token is missing or wrong.",
        {"WWW-Authenticate": "Bearer"},
      )
    if access == "change" and not full:
      raise HTTPException(403, "this token may only read.")

  def allows(self, request: Request, access: Access) -> bool:
    """Whether `check` passes."""
    try:
      self.check(request, access)
    except HTTPException:
      return False
    return True
