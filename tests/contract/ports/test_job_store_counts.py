"""The port suite of JobStore: counts, and lists of the jobs of all accounts and regions."""

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.domain.phase import JobPhase, ProcessingJobStatus
from processing_emulator.domain.spec import InstanceChoice
from processing_emulator.ports import JobQuery, JobStore, SortBy
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later, move_to


def add(jobs: JobStore, name: str, instance_type: str, count: int = 1, **owner: str) -> ProcessingJob:
    request = a_request(name, instance_type=instance_type)
    request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = count
    return jobs.add(a_key(name, **owner), request, {}, NOW)


class TestWaiting:
    def test_jobs_that_wait_and_came_before_are_counted(self, jobs: JobStore) -> None:
        first, second = add_job(jobs, "a", at=later(9)), jobs.add(a_key(region="eu-west-1"), a_request(), {}, NOW)
        third, last = add_job(jobs, "c"), add_job(jobs, "d")
        assert [jobs.count_waiting_before(job.id) for job in (first, second, third, last)] == [0, 1, 2, 3]
        move_to(jobs, second, JobPhase.PULLING)
        jobs.request_stop(third.id, later(1))
        assert [jobs.count_waiting_before(job.id) for job in (first, third, last)] == [0, 1, 2]
        move_to(jobs, first, JobPhase.STOPPED)
        assert jobs.count_waiting_before(last.id) == 1


class TestInstancesInUse:
    def test_instances_of_unfinished_jobs_are_counted_by_type(self, jobs: JobStore) -> None:
        add(jobs, "a", "ml.t3.medium", 2)
        move_to(jobs, add(jobs, "b", "ml.t3.medium"), JobPhase.RUNNING)
        jobs.request_stop(add(jobs, "c", "ml.m5.large", 3).id, NOW)
        move_to(jobs, add(jobs, "d", "ml.m5.large"), JobPhase.COMPLETED)
        add(jobs, "e", "ml.m5.large", region="eu-west-1")
        add(jobs, "f", "ml.m5.large", account="111122223333")
        assert jobs.count_instances_in_use("000000000000", "us-east-1") == {"ml.t3.medium": 3, "ml.m5.large": 3}
        assert jobs.count_instances_in_use("000000000000", "eu-west-1") == {"ml.m5.large": 1}
        assert jobs.count_instances_in_use("000000000000", "eu-west-2") == {}

    def test_of_preferences_the_first_counts_until_one_is_selected(self, jobs: JobStore) -> None:
        request = a_request()
        request["ProcessingResources"]["ClusterConfig"] = {
            "InstancePreferences": [
                {"InstanceType": "ml.m5.large", "InstanceCount": 4},
                {"InstanceType": "ml.t3.medium", "InstanceCount": 1},
            ],
            "VolumeSizeInGB": 1,
        }
        job = jobs.add(a_key(), request, {}, NOW)
        assert jobs.count_instances_in_use("000000000000", "us-east-1") == {"ml.m5.large": 4}
        jobs.select(job.id, InstanceChoice(instance_type="ml.t3.medium", count=1))
        assert jobs.count_instances_in_use("000000000000", "us-east-1") == {"ml.t3.medium": 1}


class TestAllOwners:
    def test_jobs_of_all_owners_are_listed_in_the_order_in_which_they_were_stored(self, jobs: JobStore) -> None:
        added = [
            add_job(jobs, "z", at=later(9)),
            jobs.add(a_key("y", region="eu-west-1"), a_request("y"), {}, NOW),
            jobs.add(a_key("x", account="111122223333"), a_request("x"), {}, later(-9)),
        ]
        everything = JobQuery(account=None, region=None, limit=10, sort_by=SortBy.ID)
        assert list(jobs.list_page(everything).jobs) == added
        pages = []
        query = JobQuery(account=None, region=None, limit=1, sort_by=SortBy.ID, descending=True)
        while True:
            page = jobs.list_page(query)
            pages += [job.key.name for job in page.jobs]
            if page.last is None:
                break
            query = JobQuery(account=None, region=None, limit=1, sort_by=SortBy.ID, descending=True, after=page.last)
        assert pages == ["x", "y", "z"]

    def test_account_region_status_and_name_each_narrow_the_list(self, jobs: JobStore) -> None:
        jobs.request_stop(add_job(jobs, "stopping-a").id, NOW)
        jobs.add(a_key("b", region="eu-west-1"), a_request("b"), {}, NOW)
        jobs.add(a_key("c", account="111122223333"), a_request("c"), {}, NOW)

        def names(
            account: str | None = None,
            region: str | None = None,
            status: ProcessingJobStatus | None = None,
            name_contains: str | None = None,
        ) -> list[str]:
            query = JobQuery(
                account=account,
                region=region,
                limit=10,
                sort_by=SortBy.ID,
                status=status,
                name_contains=name_contains,
            )
            return [job.key.name for job in jobs.list_page(query).jobs]

        assert names(region="us-east-1") == ["stopping-a", "c"]
        assert names(account="000000000000") == ["stopping-a", "b"]
        assert names(status=ProcessingJobStatus.STOPPING) == ["stopping-a"]
        assert names(name_contains="b") == ["b"]
        assert names(name_contains="\0") == []
