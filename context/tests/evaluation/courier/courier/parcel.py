"""What is sent."""

from dataclasses import dataclass, field


class AddressError(ValueError):
    """An address that nobody can deliver to."""


@dataclass
class Address:
    street: str
    town: str
    postcode: str

    def one_line(self) -> str:
        return f"{self.street}, {self.postcode} {self.town}"


@dataclass
class Parcel:
    sender: Address
    receiver: Address
    grams: int
    scans: list[str] = field(default_factory=list)

    def note_scan(self, depot: str, at: str) -> None:
        """Writes down where the parcel was seen."""
        self.scans.append(f"{at} {depot}")

    def is_heavy(self) -> bool:
        return self.grams > 20_000


def parse_address(text: str) -> Address:
    """Reads `street, postcode town`."""
    street, _, rest = text.partition(", ")
    postcode, _, town = rest.partition(" ")
    if not (street and postcode and town):
        raise AddressError(f"not an address: {text!r}")
    return Address(street, town, postcode)
