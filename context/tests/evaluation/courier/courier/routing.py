"""Which way a parcel takes."""

from .parcel import Parcel

DEPOTS = {"1": "north", "2": "east", "3": "south"}


def depot_for(postcode: str) -> str:
    """The depot that serves a postcode; the central one for unknown ones."""
    return DEPOTS.get(postcode[:1], "central")


def plan_route(parcel: Parcel, *, express: bool = False) -> list[str]:
    """The depots that a parcel passes, in order."""
    start = depot_for(parcel.sender.postcode)
    end = depot_for(parcel.receiver.postcode)
    if express or start == end:
        return [start, end]
    return [start, "central", end]
