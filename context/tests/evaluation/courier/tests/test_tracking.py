from courier.notices import Outbox
from courier.parcel import Parcel, parse_address
from courier.tracking import Tracker


def parcel():
    return Parcel(parse_address("Mill Lane 1, 10115 Berlin"), parse_address("Quay 2, 20095 Hamburg"), grams=500)


def test_arrival_is_announced():
    outbox = Outbox()
    tracker = Tracker(outbox)
    sent = parcel()
    tracker.start(sent, express=True)
    tracker.seen(sent, "north", "08:00")
    assert outbox.waiting == []
    tracker.seen(sent, "east", "17:30")
    assert outbox.flush(lambda recipient, body: None) == 1
