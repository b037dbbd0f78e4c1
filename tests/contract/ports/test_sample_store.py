"""The port suite of SampleStore: samples in order, one per millisecond, and the peaks."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from processing_emulator.domain.job import JobId
from processing_emulator.domain.usage import UsageSample
from processing_emulator.errors import JobNotFound
from processing_emulator.ports import UsagePeaks
from tests.contract.ports.stores import LIMITS, NOW, PortStores, add_instance, later, race

UNKNOWN = JobId(4711)


def a_sample(seconds: float = 0, cpu_percent: float = 12.5) -> UsageSample:
    return UsageSample(at=later(seconds), cpu_percent=cpu_percent, memory_bytes=2**40 + 1, disk_bytes=7)


def everything(stores: PortStores, job_id: JobId, index: int = 0) -> list[UsageSample]:
    return list(stores.samples.read_samples(job_id, index, later(-1e6), later(1e6)))


def test_instance_without_samples_has_none_and_no_peaks(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    assert everything(stores, job_id) == []
    assert stores.samples.peaks(job_id, 0) == UsagePeaks()


def test_unknown_instance_has_no_samples_and_no_peaks(stores: PortStores) -> None:
    assert everything(stores, UNKNOWN) == []
    assert stores.samples.peaks(UNKNOWN, 0) == UsagePeaks()


@pytest.mark.parametrize("gpu", [(None, None), (0.0, 0.0), (195.25, 12.0)])
def test_sample_comes_back_as_it_was(stores: PortStores, gpu: tuple[float | None, float | None]) -> None:
    job_id = add_instance(stores.jobs)
    sample = replace(a_sample(), gpu_percent=gpu[0], gpu_memory_percent=gpu[1])
    stores.samples.append_sample(job_id, 0, sample)
    assert everything(stores, job_id) == [sample]


def test_samples_come_in_order_of_time(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    for seconds in (3, 1, 2, 0):
        stores.samples.append_sample(job_id, 0, a_sample(seconds))
    assert everything(stores, job_id) == [a_sample(seconds) for seconds in range(4)]


def test_start_is_part_of_the_range_and_its_end_is_not(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    for seconds in range(5):
        stores.samples.append_sample(job_id, 0, a_sample(seconds))
    assert list(stores.samples.read_samples(job_id, 0, later(1), later(3))) == [a_sample(1), a_sample(2)]
    assert list(stores.samples.read_samples(job_id, 0, later(1), later(1))) == []
    assert list(stores.samples.read_samples(job_id, 0, later(3), later(1))) == []


def test_bounds_within_a_millisecond_are_kept_to(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    stores.samples.append_sample(job_id, 0, a_sample())
    instant = timedelta(microseconds=1)
    assert list(stores.samples.read_samples(job_id, 0, NOW + instant, later(1))) == []
    assert list(stores.samples.read_samples(job_id, 0, later(-1), NOW + instant)) == [a_sample()]
    assert list(stores.samples.read_samples(job_id, 0, later(-1), NOW)) == []


def test_second_sample_of_a_millisecond_replaces_the_first(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    stores.samples.append_sample(job_id, 0, a_sample(0, 400.0))
    within = replace(a_sample(0, 5.0), at=NOW + timedelta(microseconds=999))
    stores.samples.append_sample(job_id, 0, within)
    assert everything(stores, job_id) == [a_sample(0, 5.0)]
    assert stores.samples.peaks(job_id, 0).cpu_percent == 5.0
    assert stores.samples.peaks(job_id, 0).samples == 1


def test_peaks_are_taken_figure_by_figure(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    for sample in (
        UsageSample(at=later(0), cpu_percent=1.5, memory_bytes=30, disk_bytes=2),
        UsageSample(at=later(1), cpu_percent=0.0, memory_bytes=10, disk_bytes=9, gpu_percent=80.0),
        UsageSample(
            at=later(2), cpu_percent=0.5, memory_bytes=20, disk_bytes=1, gpu_percent=3.0, gpu_memory_percent=4.0
        ),
    ):
        stores.samples.append_sample(job_id, 0, sample)
    assert stores.samples.peaks(job_id, 0) == UsagePeaks(
        samples=3, cpu_percent=1.5, memory_bytes=30, disk_bytes=9, gpu_percent=80.0, gpu_memory_percent=4.0
    )


def test_peaks_without_gpu_have_no_gpu_figures(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    stores.samples.append_sample(job_id, 0, a_sample())
    peaks = stores.samples.peaks(job_id, 0)
    assert (peaks.gpu_percent, peaks.gpu_memory_percent) == (None, None)


def test_instances_and_jobs_have_samples_of_their_own(stores: PortStores) -> None:
    job_id, other = add_instance(stores.jobs, "a"), add_instance(stores.jobs, "b")
    stores.jobs.ensure_instances(job_id, [LIMITS] * 2)
    stores.samples.append_sample(job_id, 0, a_sample(0, 1.0))
    stores.samples.append_sample(job_id, 1, a_sample(0, 2.0))
    stores.samples.append_sample(other, 0, a_sample(0, 3.0))
    assert everything(stores, job_id, 0) == [a_sample(0, 1.0)]
    assert everything(stores, job_id, 1) == [a_sample(0, 2.0)]
    assert stores.samples.peaks(other, 0).cpu_percent == 3.0


@pytest.mark.parametrize("index", [0, 1])
def test_sample_of_an_unknown_instance_is_not_found_and_not_kept(stores: PortStores, index: int) -> None:
    job_id = UNKNOWN if index == 0 else add_instance(stores.jobs)
    with pytest.raises(JobNotFound):
        stores.samples.append_sample(job_id, index, a_sample())
    assert everything(stores, job_id, index) == []


def test_samples_stored_at_once_are_all_kept(stores: PortStores) -> None:
    job_id = add_instance(stores.jobs)
    samples = [a_sample(seconds) for seconds in range(12)]
    assert race([partial(stores.samples.append_sample, job_id, 0, sample) for sample in samples]) == [None] * 12
    assert everything(stores, job_id) == samples
