"""What befalls a file of lines, at random."""

import random
from collections.abc import Callable

CHANGES = [
  {"add": [{"item_id": f"i{n}", "text": "caf\u00e9 \r\n \u2028"}], "mark": "m"}
  if n % 3 == 0
  else {"prices": {f"i{n}": n / 2}}
  for n in range(12)
]


def cut(content: bytes, rng: random.Random) -> bytes:
  return content[: rng.randrange(len(content))]


def line_cut(content: bytes, rng: random.Random) -> bytes:
  lines = content.splitlines(keepends=True)
  return b"".join(lines[: rng.randrange(len(lines))])


def removed(content: bytes, rng: random.Random) -> bytes:
  lines = _lines(content)
  del lines[rng.randrange(len(lines))]
  return b"".join(lines)


def doubled(content: bytes, rng: random.Random) -> bytes:
  lines = _lines(content)
  place = rng.randrange(len(lines))
  lines.insert(rng.randint(place, len(lines)), lines[place])
  return b"".join(lines)


def swapped(content: bytes, rng: random.Random) -> bytes:
  lines = _lines(content)
  one, two = rng.sample(range(len(lines)), 2)
  lines[one], lines[two] = lines[two], lines[one]
  return b"".join(lines)


def moved(content: bytes, rng: random.Random) -> bytes:
  lines = _lines(content)
  one, two = rng.sample(range(len(lines)), 2)
  lines.insert(two, lines.pop(one))
  return b"".join(lines)


def flipped(content: bytes, rng: random.Random) -> bytes:
  place = rng.randrange(len(content))
  changed = content[place] ^ 1 << rng.randrange(8)
  return content[:place] + bytes([changed]) + content[place + 1 :]


def zeroed(content: bytes, rng: random.Random) -> bytes:
  place, size = rng.randrange(len(content)), rng.randint(1, 512)
  size = min(size, len(content) - place)
  return content[:place] + bytes(size) + content[place + size :]


def edited(content: bytes, rng: random.Random) -> bytes:
  return content.replace(b'"i1', b'"i2', rng.randint(1, 5))


def _lines(content: bytes) -> list[bytes]:
  # Not splitlines(), to which a carriage return is an end as well.
  return [line + b"\n" for line in content.split(b"\n")[:-1]]


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
  each.__name__: each
  for each in (
    *(cut, line_cut, removed, doubled, swapped, moved, flipped, zeroed, edited),
  )
}
