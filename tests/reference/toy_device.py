"""The device check at the size of toys."""

import dataclasses

from tools.device.forms import SMALL

SIZES = dataclasses.replace(
  SMALL.deployment,
  layers=1,
  width=8,
  feed_forward=8,
  level_sizes=(8, 8),
  ids=20,
)
TOY = dataclasses.replace(
  SMALL,
  models={"1.7B": SIZES},
  deployment=SIZES,
  searches=((4, 1),),
  batches=(2,),
)
