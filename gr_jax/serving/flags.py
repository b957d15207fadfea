"""The command line of a server: its flags, and which values make no sense."""

import argparse
import math
import os
import pathlib

from gr_jax import command_line

# GR4AD widens its beams by 60 % in quiet hours (arXiv 2602.22732).
_MULTIPLES = (0.25, 0.5, 1.0, 1.6)


_POSITIVE = (
  *("max_batch", "queue", "busy", "room", "max_body", "timeout", "target_ms"),
  *("cache_bytes", "max_connections", "header_timeout", "keep_alive"),
)


def check(flags: argparse.Namespace) -> None:
  """Raises ValueError: a value makes no sense, with its flag."""
  for name in (*_POSITIVE, "deadline_ms", "cache_seconds"):
    value = getattr(flags, name)
    flag = f"--{name.replace('_', '-')}={value}"
    if name in _POSITIVE and not 0 < value < math.inf:
      raise ValueError(f"{flag}: must be positive.")
    if not 0 <= value < math.inf:
      raise ValueError(f"{flag}: must not be negative.")
  if flags.remembered is not None and flags.remembered < 0:
    raise ValueError(f"--remembered={flags.remembered}: must not be negative.")
  if not 0 <= flags.port < 1 << 16:
    raise ValueError(
      f"--port={flags.port}: must be from 0, a free one, to 65535."
    )
  if not all(0 < each < math.inf for each in flags.adaptive_beams):
    text = ",".join(f"{each:g}" for each in flags.adaptive_beams)
    raise ValueError(f"--adaptive-beams={text}: must be positive.")


def tokens(flags: argparse.Namespace) -> tuple[str, str]:
  """The full token and that for reading, "" for none.

  Raises:
    OSError, ValueError: a file of one cannot be read, or is empty.
  """
  full = flags.token or _secret(flags.token_file, "GR_JAX_TOKEN")
  return full, _secret(flags.read_token_file, "GR_JAX_READ_TOKEN")


def _secret(file: pathlib.Path | None, variable: str) -> str:
  if file is None:
    return os.environ.get(variable, "")
  try:
    text = file.read_text("utf-8").strip()
  except UnicodeDecodeError:
    text = ""
  if not text:
    raise ValueError(f"{file} holds no token: write one line of UTF-8.")
  return text


def _multiples(text: str) -> tuple[float, ...]:
  return tuple(map(float, text.split(",")))


def _mesh(text: str) -> dict[str, int]:
  pairs = (part.split("=") for part in text.split(","))
  found = {axis: int(size) for axis, size in pairs}
  if not found.keys() <= {"data", "model"}:
    raise ValueError
  return found


def parser(description: str | None) -> argparse.ArgumentParser:
  """All flags, below a description of the command."""
  found = command_line.parser("python -m gr_jax.serving", description)
  add = found.add_argument
  add(
    "--artefacts",
    type=pathlib.Path,
    required=True,
    help="the --workdir of a run of gr_jax.main",
  )
  add(
    "--beam",
    default="50",
    help="IDs a search keeps, and the most items it can give; 128:256:512 "
    "keeps as many after each level; several, separated by commas, are a "
    "choice of each request; the first is the default [50]",
  )
  add(
    "--adaptive-beams",
    type=_multiples,
    nargs="?",
    default=(),
    const=_MULTIPLES,
    help="requests that name no beam get the widest of these multiples of the "
    "default beam by which answers keep to --target-ms, wider while the server "
    "is idle; all are compiled at the start [off; without a value "
    f"{','.join(f'{m:g}' for m in _MULTIPLES)}]",
  )
  add(
    "--mesh",
    type=_mesh,
    help="devices that search together, such as model=2 or data=2,model=4: "
    "model splits the network, data shares the requests [one device]",
  )
  add(
    "--weights",
    default="",
    help="nvfp4: kernels in four bits, a seventh of the bytes; answers differ "
    "a little [as they were trained]",
  )
  for flag, kind, default, text in (
    ("--host", str, "127.0.0.1", "address to listen on"),
    ("--port", int, 8000, "port, 0 for a free one"),
    ("--max-batch", int, 16, "requests in a search"),
    ("--deadline-ms", float, 4, "how long a request waits for others at most"),
    (
      "--target-ms",
      float,
      100,
      "time in which 99 of 100 answers are to come: --adaptive-beams keeps to "
      "it, and later answers are counted",
    ),
    ("--queue", int, 256, "requests that may wait; more are refused with 429"),
    (
      "--busy",
      int,
      32,
      "with several beams, and none that follow the load: once so many wait, "
      "requests that name no beam get the narrowest that holds their k",
    ),
    ("--timeout", float, 10, "seconds until a request is answered with 504"),
    (
      "--max-body",
      int,
      4_000_000,
      "bytes of a change; a search may have 300,000",
    ),
    (
      "--max-connections",
      int,
      1000,
      "connections at once, less where the system allows fewer open files",
    ),
    (
      "--header-timeout",
      float,
      10,
      "seconds until a connection is closed that has sent no whole request",
    ),
    ("--keep-alive", float, 75, "seconds of silence between two requests"),
    (
      "--cache-seconds",
      float,
      0,
      "how long an answer is given again to equal requests, until a change of "
      "the catalogue or a reload; 0 is never",
    ),
    ("--cache-bytes", int, 64_000_000, "bytes of the answers kept for it"),
    ("--room", int, 8192, "new semantic IDs that fit beside those of the run"),
  ):
    add(flag, type=kind, default=kind(default), help=f"{text} [{default}]")
  add(
    "--remembered",
    type=int,
    help="removed items that keep their IDs when there is no room left, the "
    "latest; the others are forgotten and give theirs back [a quarter of "
    "--room]",
  )
  add(
    "--token",
    default="",
    help="bearer token that requests must carry; other users of this machine "
    "see it here, better give it by --token-file or the environment variable "
    "GR_JAX_TOKEN [none; beyond loopback there must be one]",
  )
  add("--token-file", type=pathlib.Path, help="a file that holds it")
  add(
    "--read-token-file",
    type=pathlib.Path,
    help="a file that holds a second token, which searches and reads but "
    "changes nothing; also GR_JAX_READ_TOKEN [none]",
  )
  add(
    "--insecure",
    action="store_true",
    help="no token although other machines come in: something in front of the "
    "server asks who they are",
  )
  for flag, text in (
    (
      "--allowed-host",
      "a name, beside localhost, 127.0.0.1, [::1] and --host, by which clients "
      "call the server; others are refused with 421",
    ),
    (
      "--cors-origin",
      "an origin, as https://shop.example, whose pages may ask from a browser",
    ),
  ):
    add(flag, action="append", default=[], help=f"{text}; may be repeated")
  add(
    "--log",
    type=pathlib.Path,
    help="file that keeps added and removed items [ARTEFACTS.items.log]",
  )
  return found
