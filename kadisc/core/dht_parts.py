"""The components of a `Dht`, chosen in `assembly.py`."""

from __future__ import annotations

from dataclasses import dataclass

from .addressing.bep42_places import SubnetPlaces
from .addressing.contact_pool import ContactPool
from .addressing.external_address import ExternalAddress
from .addressing.own_subnet import OwnSubnet
from .addressing.policy import AddressPolicy
from .contract.counters import Counters
from .table.bucket_fill import BucketFill
from .table.candidates import Candidates
from .table.link_monitor import LinkMonitor
from .table.nat_quarantine import QuarantineRule
from .table.refresh import Refresh
from .table.revalidation import Revalidation
from .table.routing_table import RoutingTable
from .table.saved_contacts import SavedContacts
from .table.size_reports import SizeReports
from .table.static_peers import StaticPeers


@dataclass(slots=True)
class DhtParts:
    """The components of one address family."""

    table: RoutingTable
    candidates: Candidates
    revalidation: Revalidation
    refresh: Refresh
    bucket_fill: BucketFill
    quarantine: QuarantineRule
    link: LinkMonitor
    scopes: AddressPolicy
    pool: ContactPool
    counters: Counters
    saved_contacts: SavedContacts
    size_reports: SizeReports
    static_peers: StaticPeers
    address: ExternalAddress
    own_subnet: OwnSubnet
    public_key: bytes | None
    places: SubnetPlaces | None
    """Told of each answer, where there is one: in IPv6."""
    admits_unverified: bool
