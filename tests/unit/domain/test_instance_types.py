"""The catalogue has every type that the service's model lists (spec 7.2)."""

import botocore.session

from processing_emulator.domain.instance_types import GIB, catalogue


def test_every_type_of_the_service_s_model_is_in_the_catalogue() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(model.shape_for("ProcessingInstanceType").enum) - set(catalogue()) == set()


def test_every_type_has_cpus_and_memory_and_gpu_types_name_their_model() -> None:
    for instance_type in catalogue().values():
        assert instance_type.vcpus > 0
        assert instance_type.memory_bytes >= GIB
        assert bool(instance_type.gpus) == bool(instance_type.gpu_model)
