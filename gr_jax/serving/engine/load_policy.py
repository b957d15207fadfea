"""Which of a few widths a search gets, from how loaded the server is.

GR4AD (arXiv 2602.22732) lets the beams follow the traffic, `B_t = B f(Q_t,
C_t)`, 60 % more of them in quiet hours. Its `f` is not published; ours is a
step up or down a list of widths that are all compiled [OURS]:

  down, at once, to the widest by which all that waits now would be answered
      within `reserve` of the target; one more after every `settle` seconds in
      which the 99th percentile of the answers was later than the target;
  up, one step after every `calm` seconds in which that held for the next
      wider, the 99th percentile was within `reserve` of the target, and the
      next wider would need `busy` of the time at most, were all batches full.

The last condition is the hysteresis: a step up is not taken that the same load
would take back.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple


@dataclasses.dataclass(frozen=True)
class LoadPolicy:
  """The limits of the choice.

  Attributes:
    target: seconds in which 99 of 100 answers are to come.
    reserve: the share of the target that what is foreseen may take.
    busy: the share of the time that searches may need after a step up.
    calm: seconds of calm before a step up.
    settle: seconds in which late answers are given time to follow a step down.

  Raises:
    ValueError: a target that is not positive.
  """

  target: float
  reserve: float = 0.6
  busy: float = 0.6
  calm: float = 2.0
  settle: float = 1.0

  def __post_init__(self):
    if self.target <= 0:
      raise ValueError(f"target={self.target} s: must be positive.")


class Load(NamedTuple):
  """What is known of the load at one moment.

  Attributes:
    now: the moment, in seconds.
    foreseen: by width, narrowest first, the seconds that the last of those
      that wait now would have waited when it is answered.
    demand: by width, the share of the time that the requests of the time just
      past would need in full batches; above 1 there is no keeping up.
    late: the 99th percentile of the answers just past, in seconds.
  """

  now: float
  foreseen: Sequence[float]
  demand: Sequence[float]
  late: float


class Choice(NamedTuple):
  """The width chosen, and when.

  Attributes:
    level: the place of the width, 0 the narrowest.
    calm_since: the last moment that spoke against a step up.
    stepped: the moment of the last step down.
  """

  level: int
  calm_since: float = float("-inf")
  stepped: float = float("-inf")


def next_choice(policy: LoadPolicy, choice: Choice, load: Load) -> Choice:
  """The choice for the search that begins now."""
  limit = policy.reserve * policy.target
  fits = [seconds <= limit for seconds in load.foreseen]
  # A wider search takes longer, whatever was measured of it so far.
  widest = max(0, (fits.index(False) if False in fits else len(fits)) - 1)
  level = min(choice.level, widest)
  behind = load.late > policy.target
  if behind and load.now - choice.stepped >= policy.settle:
    level = max(0, min(level, choice.level - 1))
  if level < choice.level:
    return Choice(level, load.now, load.now)
  return _wider(policy, choice, load, widest)


def _wider(
  policy: LoadPolicy, choice: Choice, load: Load, widest: int
) -> Choice:
  """As many steps up as the calm lasts for: after an idle time, several."""
  level, since = choice.level, choice.calm_since
  while True:
    calm = (
      level < widest
      and load.late <= policy.reserve * policy.target
      and load.demand[level + 1] <= policy.busy
    )
    if not calm:
      return choice._replace(level=level, calm_since=load.now)
    if load.now - since < policy.calm:
      return choice._replace(level=level, calm_since=since)
    level, since = level + 1, since + policy.calm
