"""What of the requests that a model allows is served: for readers that need not look at the others closely."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """Which requests are to pass; all others are refused. By the paths of members, positions in lists left out.

    `members`: those that may be there. `refused_values`: of enumerations. `only_values`: of whole numbers.
    `only_beginnings`: of strings, without line ends.
    """

    members: Collection[str]
    refused_values: Mapping[str, Collection[object]]
    only_values: Mapping[str, int]
    only_beginnings: Mapping[str, str]
