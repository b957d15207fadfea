"""Two tokens: one for everything, one that only reads."""

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gr_jax.serving.http.config import HttpConfig
from gr_jax.serving.http.tokens import Tokens


def status(tokens: Tokens, access: str, given: bytes | None) -> int:
  headers = [] if given is None else [(b"authorization", given)]
  request = Request({"type": "http", "headers": headers})
  allowed = tokens.allows(request, access)
  try:
    tokens.check(request, access)
  except HTTPException as error:
    assert not allowed
    return error.status_code
  assert allowed
  return 200


@pytest.mark.parametrize(
  ("given", "read", "change"),
  [
    (None, 401, 401),
    (b"", 401, 401),
    (b"Bearer", 401, 401),
    (b"Bearer ", 401, 401),
    (b"Basic full", 401, 401),
    (b"Bearer ful", 401, 401),
    (b"bearer read", 200, 403),
    (b"BEARER full", 200, 200),
  ],
)
def test_each_token_opens_what_it_is_for(given, read, change):
  tokens = Tokens("full", "read")
  assert status(tokens, "open", given) == 200
  assert status(tokens, "read", given) == read
  assert status(tokens, "change", given) == change


def test_without_a_token_everything_is_open():
  for given in (None, b"Bearer x", b"Bearer "):
    assert status(Tokens(), "change", given) == 200


def test_an_empty_token_for_reading_is_nobodys():
  assert status(Tokens("full"), "read", b"Bearer ") == 401


def test_a_token_beyond_ascii_is_sent_as_utf_8():
  token = "schl\u00fcssel-\u9375"
  assert status(Tokens(token), "change", f"Bearer {token}".encode()) == 200
  assert status(Tokens("\u00e9"), "change", b"Bearer \xe9") == 401


@pytest.mark.parametrize(
  "given", [("", "read"), ("a", "a"), ("a b",), ("a\n",), ("a", "b\r")]
)
def test_tokens_that_protect_nothing_are_refused(given):
  with pytest.raises(ValueError, match="token"):
    Tokens(*given)


def test_no_token_is_shown_with_the_rest_of_a_configuration():
  assert "s3cret" not in repr(HttpConfig(token="s3cret", read_token="s3cret2"))
