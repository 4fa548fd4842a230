"""The components that the modules of this room share; the assembly chooses them."""

from __future__ import annotations

from dataclasses import dataclass

from ..addressing.policy import AddressPolicy
from ..book.address_book import AddressBook
from ..book.verdicts import Verdicts
from ..contract.counters import Counters
from ..limits.budget import CellHash
from .backoff import BackoffRule, CreditRule
from .bucket_quota import BucketQuotaRule
from .burst import CheckBurst
from .candidates import CandidateRule
from .mass_failure import MassFailureRule
from .own_record import OwnRecord
from .partners import Partners
from .record_policy import RecordRule
from .tombstones import TombstoneRule
from .view import ViewRule


@dataclass(slots=True)
class PeerComponents:
    """Each module takes the components that it needs when it is constructed. What is known of a
    single peer is changed by `PeerVerifier` alone.
    """

    view: ViewRule
    book: AddressBook
    verdicts: Verdicts
    records: RecordRule
    candidates: CandidateRule
    tombstones: TombstoneRule
    backoff: BackoffRule
    credit: CreditRule
    bucket_quota: BucketQuotaRule
    partners: Partners
    scopes: AddressPolicy
    cell_hash: CellHash
    counters: Counters
    own_record: OwnRecord
    mass_failure: MassFailureRule
    burst: CheckBurst
