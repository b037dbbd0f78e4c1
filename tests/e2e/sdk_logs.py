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


class AwsLogsTailPoller:
    """`aws logs tail --follow` of the AWS CLI v2: FilterLogEvents, and the ids of the events of the last moment."""

    def __init__(self, logs: Any, job: str) -> None:
        self.printed: list[str] = []
        self._logs = logs
        self._query: dict[str, Any] = {
            "logGroupName": GROUP,
            "logStreamNamePrefix": f"{job}/",
            "startTime": 0,
            "interleaved": True,
        }
        self._seen: set[str] = set()

    def poll(self) -> None:
        """Print the new events of all pages, and begin the next poll at the time of the last one."""
        token: dict[str, str] = {}
        while True:
            try:
                page = self._logs.filter_log_events(**self._query, **token)
            except self._logs.exceptions.ResourceNotFoundException:
                return
            for event in page["events"]:
                self._print(event)
            if "nextToken" not in page:
                return
            token = {"nextToken": page["nextToken"]}

    def _print(self, event: dict[str, Any]) -> None:
        if event["eventId"] in self._seen:
            return
        self.printed.append(event["message"])
        if event["timestamp"] > self._query["startTime"]:
            self._query["startTime"] = event["timestamp"]
            self._seen.clear()
        self._seen.add(event["eventId"])
