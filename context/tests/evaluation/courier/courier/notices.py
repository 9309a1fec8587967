"""What people are told."""

from string import Template

from .parcel import Parcel

ARRIVED = Template("Your parcel from $town has arrived.")


class Outbox:
    """Messages that wait to be sent."""

    def __init__(self, limit: int = 100):
        self.limit = limit
        self.waiting: list[tuple[str, str]] = []

    def enqueue(self, recipient: str, body: str) -> bool:
        """Takes a message, unless the outbox is full."""
        if len(self.waiting) >= self.limit:
            return False
        self.waiting.append((recipient, body))
        return True

    def flush(self, deliver) -> int:
        """Hands every message to `deliver(recipient, body)`; returns how many went."""
        sent = 0
        while self.waiting:
            deliver(*self.waiting.pop(0))
            sent += 1
        return sent


def arrival_notice(parcel: Parcel) -> str:
    return ARRIVED.substitute(town=parcel.sender.town)
