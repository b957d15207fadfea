"""An address is taken at once, or refused with its reason."""

import socket

import pytest

from gr_jax.serving import listening


@pytest.mark.parametrize(
  ("host", "port", "reason"),
  [
    ("127.0.0.1", -1, "--port=-1: must be"),
    ("127.0.0.1", 65536, "to 65535"),
    ("no.such.host.invalid", 0, "--host=no.such.host.invalid: "),
    ("192.0.2.1", 0, "--host=192.0.2.1: Cannot assign"),
  ],
)
def test_what_cannot_be_listened_on_is_one_line(host, port, reason):
  with pytest.raises((OSError, ValueError), match=reason) as caught:
    listening.bound(host, port)
  assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
  ("host", "only_here"),
  [
    *((each, True) for each in ("localhost", "127.0.0.1", "127.0.0.2", "::1")),
    *((each, False) for each in ("0.0.0.0", "::")),
  ],
)
def test_loopback_is_told_from_the_rest(host, only_here):
  if ":" in host and not socket.has_ipv6:
    pytest.skip("no IPv6 here")
  with listening.bound(host, 0) as taken:
    assert listening.is_loopback(taken) == only_here
    assert taken.getsockname()[1]


def test_the_address_is_written_as_a_browser_reads_it():
  with listening.bound("127.0.0.1", 0) as taken:
    assert listening.url(taken) == f"http://127.0.0.1:{taken.getsockname()[1]}"
  with listening.bound("::1", 0) as taken:
    assert listening.url(taken).startswith("http://[::1]:")
