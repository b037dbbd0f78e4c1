"""Which objects of an input each instance gets (spec 3.3).

The rule of ShardedByS3Key: the objects are put in the UTF-8 order of their keys and dealt out in turn, so that object i
goes to instance i mod n. Every object is on exactly one instance. Folder markers are not objects of a shard: every
instance gets their folders. An instance without objects has an empty folder.
"""

from dataclasses import replace

from processing_emulator.domain.spec import Distribution
from processing_emulator.domain.staging import DownloadPlan


def share_of(plan: DownloadPlan, distribution: Distribution, index: int, instances: int) -> DownloadPlan:
    """The part of a plan that one of several instances downloads; `index` counts from 0.

    The plan of all objects comes in, so that keys that clash fail on every instance, wherever the keys would go.
    """
    if distribution is Distribution.FULLY_REPLICATED:
        return plan
    in_order = sorted(plan.files, key=lambda file: file.source.key.encode())
    return replace(plan, files=tuple(in_order[index::instances]))
