"""A program for tests that kill it: saves states without end, and prints the number of each when it
is saved. Arguments: FOLDER FIRST.
"""

import sys

from kadisc.contacts import Contact
from kadisc.core.contract.saved_state import SavedContact, SavedDht, SavedState
from kadisc.endpoints import Family, parse_endpoint
from kadisc.net.state.state_folder import StateFolder

CONTACTS = 200


def state_number(number: int) -> SavedState:
    """All its contacts are of that age, so that a mixture of two states would be recognised."""
    contacts = tuple(
        SavedContact(
            Contact(each, parse_endpoint(f"11.{each}.3.4:{1 + number % 60_000}")),
            float(number),
            float(number),
        )
        for each in range(CONTACTS)
    )
    return SavedState((SavedDht(Family.IPV4, number.to_bytes(4, "big"), contacts),))


def main() -> None:
    folder = StateFolder(sys.argv[1])
    folder.open()
    number = int(sys.argv[2])
    while True:
        folder.save(bytes(range(32)), "mainline", state_number(number))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main()
