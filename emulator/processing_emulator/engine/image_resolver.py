"""Which image a job runs in."""

from processing_emulator.domain.image_map import substitute_for
from processing_emulator.engine.instance import RunnerTools
from processing_emulator.engine.instance_journal import Journal
from processing_emulator.errors import ImageNotFound
from processing_emulator.ports import CancelToken, PullPolicy


def resolve_image(uri: str, tools: RunnerTools, journal: Journal, cancel: CancelToken) -> str:
    """The id of the image of that URI if it is present, else of its substitute, else of what a pull brings.

    Substitutions and the progress of a pull go to the job's history. Raises ImageNotFound, RuntimeUnavailable,
    Cancelled.
    """

    def progress(line: str) -> None:
        journal.event("image_pull", progress=line)

    options = tools.options
    substitute = substitute_for(uri, options.image_map)
    if substitute is None:
        return tools.runtime.ensure_image(uri, options.pull_policy, progress, cancel)
    try:
        return tools.runtime.ensure_image(uri, PullPolicy.NEVER, progress, cancel)
    except ImageNotFound:
        journal.event("image_substituted", uri=uri, image=substitute)
    return tools.runtime.ensure_image(substitute, options.pull_policy, progress, cancel)
