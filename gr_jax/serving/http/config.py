"""What a server accepts, and from whom."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class HttpConfig:
  """Limits of what is accepted.

  Attributes:
    token: the bearer token for everything, empty for none.
    read_token: a second one, for all that changes nothing; empty for none.
    hosts: names of this server beside localhost, 127.0.0.1 and [::1].
    origins: origins, as https://shop.example, whose pages may ask and change.
    queue: requests that may wait.
    busy: how many of them make searches narrow, where there is a choice.
    deadline: seconds that a request waits for others at most.
    target: seconds in which 99 of 100 answers are to come: beams that follow
      the load keep to it, and later answers are counted.
    timeout: seconds until an answer is too late.
    max_body: bytes.
    max_connections: connections at once.
    header_timeout: seconds until the headers of a request must be there.
    keep_alive: seconds that a connection may be silent between two requests.
    cache_seconds: the time that an answer is given again to equal requests, as
      long as model and catalogue are the same; 0 = never.
    cache_bytes: bytes that answers kept for it take, at most.
  """

  token: str = dataclasses.field(default="", repr=False)
  read_token: str = dataclasses.field(default="", repr=False)
  hosts: tuple[str, ...] = ()
  origins: tuple[str, ...] = ()
  queue: int = 256
  busy: int = 32
  deadline: float = 0.004
  target: float = 0.1
  timeout: float = 10.0
  max_body: int = 4_000_000
  max_connections: int = 1000
  header_timeout: float = 10.0
  keep_alive: float = 75.0
  cache_seconds: float = 0.0
  cache_bytes: int = 64_000_000
