"""The log polling of the SageMaker SDKs v2 (spec 5.3) and v3: what they request, in which order."""

from typing import Any

GROUP = "/aws/sagemaker/ProcessingJobs"


class SageMaker2LogPoller:
    """Keeps for each stream the timestamp of the last event, and how many printed events have it."""

    def __init__(self, logs: Any, job: str) -> None:
        self.printed: list[str] = []
        self._logs = logs
        self._job = job
        self._positions: dict[str, tuple[int, int]] = {}

    def poll(self) -> None:
        """List the streams, and print the new events of each."""
        try:
            streams = self._logs.describe_log_streams(
                logGroupName=GROUP, logStreamNamePrefix=f"{self._job}/", orderBy="LogStreamName", limit=1
            )["logStreams"]
        except self._logs.exceptions.ResourceNotFoundException:
            return
        for stream in streams:
            self._print_new(stream["logStreamName"])

    def _print_new(self, stream: str) -> None:
        moment, count = self._positions.get(stream, (0, 0))
        query = {"logGroupName": GROUP, "logStreamName": stream, "startTime": moment, "startFromHead": True}
        skip = count
        while (page := self._logs.get_log_events(**query))["events"]:
            query["nextToken"] = page["nextForwardToken"]
            fresh, skip = page["events"][skip:], max(0, skip - len(page["events"]))
            for event in fresh:
                self.printed.append(event["message"])
                count = count + 1 if event["timestamp"] == moment else 1
                moment = event["timestamp"]
        self._positions[stream] = (moment, count)


class SageMaker3LogPoller:
    """Keeps the forward token of each stream."""

    def __init__(self, logs: Any, job: str) -> None:
        self.printed: list[str] = []
        self._logs = logs
        self._job = job
        self._tokens: dict[str, str] = {}

    def poll(self) -> None:
        """List the streams, and print the new events of each."""
        try:
            streams = self._logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=self._job)["logStreams"]
        except self._logs.exceptions.ResourceNotFoundException:
            return
        for name in (stream["logStreamName"] for stream in streams):
            query = {"logGroupName": GROUP, "logStreamName": name, "startFromHead": True}
            while (page := self._logs.get_log_events(**query, **self._token_of(name)))["events"]:
                self._tokens[name] = page["nextForwardToken"]
                self.printed += [event["message"] for event in page["events"]]

    def _token_of(self, stream: str) -> dict[str, str]:
        return {"nextToken": self._tokens[stream]} if stream in self._tokens else {}
