"""Follows parcels from depot to depot."""

from .notices import Outbox, arrival_notice
from .parcel import Parcel
from .routing import plan_route


class Tracker:
    def __init__(self, outbox: Outbox):
        self.outbox = outbox
        self.routes: dict[int, list[str]] = {}

    def start(self, parcel: Parcel, express: bool) -> None:
        self.routes[id(parcel)] = plan_route(parcel, express=express)

    def seen(self, parcel: Parcel, depot: str, at: str) -> None:
        parcel.note_scan(depot, at)
        route = self.routes[id(parcel)]
        if depot == route[-1]:
            self.outbox.enqueue(parcel.receiver.one_line(), arrival_notice(parcel))
