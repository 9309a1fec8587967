"""A corpus file."""
import os.path
import numpy as np
from collections.abc import Iterable as It, Mapping
from . import sibling

LIMIT = 10
type Pair = tuple[int, int]


class Shape(Base):
    """A shape."""

    sides = 0

    def area(self) -> float:
        return self.width * LIMIT

    @property
    def name(self):
        def inner(x):
            return x

        return inner(f"shape {self.sides + 1}")  # a comment


@register
class Circle(Shape):
    pass


@cache
def build(kind: str, *, scale: Optional[float] = None) -> Shape:
    make = lambda: Circle()
    if scale:
        return make()
    return np.array(os.path.join(kind, "a"))


if LIMIT:

    def conditional():
        pass
