"""Which image a job runs in."""

from processing_emulator.domain.image_map import advice_for, mirror_of, substitute_for
from processing_emulator.engine.instance import RunnerTools
from processing_emulator.engine.instance_journal import Journal
from processing_emulator.errors import ImageNotFound, NotAnImageName
from processing_emulator.ports import CancelToken, ImageInfo, PullPolicy


def resolve_image(uri: str, tools: RunnerTools, journal: Journal, cancel: CancelToken) -> ImageInfo:
    """The image of that URI if it is present, else of its substitute, else of what a pull brings.

    An image of AWS that cannot be pulled is looked up in AWS's public gallery, where it has a mirror. Substitutions and
    the progress of a pull go to the job's history. Raises ImageNotFound, RuntimeUnavailable, Cancelled.
    """

    def ensure(image: str, policy: PullPolicy) -> ImageInfo:
        return tools.runtime.ensure_image(
            image, policy, lambda line: journal.event("image_pull", progress=line), cancel
        )

    policy = tools.options.pull_policy
    substitute = substitute_for(uri, tools.options.image_map)
    try:
        return ensure(uri, policy if substitute is None else PullPolicy.NEVER)
    except NotAnImageName:
        raise
    except ImageNotFound as error:
        replacement = substitute or (mirror_of(uri) if policy is not PullPolicy.NEVER else None)
        if replacement is None:
            raise _with_advice(error, uri) from error
        journal.event("image_substituted", uri=uri, image=replacement)
    try:
        return ensure(replacement, policy)
    except ImageNotFound as error:
        raise _with_advice(error, substitute or uri) from error


def _with_advice(error: ImageNotFound, image: str) -> ImageNotFound:
    advice = advice_for(image)
    return ImageNotFound(f"{error} ({advice})" if advice else str(error))
