"""Which image runs for an ImageUri: the user's, a stand-in, the mirror in AWS's gallery; and what to do without one."""

import csv
from importlib import resources

import pytest

from processing_emulator.domain.image_map import advice_for, mirror_of, substitute_for
from processing_emulator.domain.stand_ins import PYTHON, STAND_INS, stand_in_named
from processing_emulator.images.base import BASES
from processing_emulator.images.recipes import RECIPES

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn"
SPARK = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing"
DLC = "763104351884.dkr.ecr.us-west-2.amazonaws.com"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost"
MINE = "111122223333.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize("version", ["1.0-1", "1.2-1", "1.4-2"])
def test_scikit_learn_is_replaced_by_the_stand_in_of_its_version(version: str) -> None:
    ours = f"processing-emulator/sagemaker-scikit-learn:{version}-cpu-py3"
    assert substitute_for(f"{SKLEARN}:{version}-cpu-py3", {}) == ours
    assert substitute_for(f"{SKLEARN}:{version}", {}) == ours


@pytest.mark.parametrize(
    "uri",
    [
        f"{SKLEARN}:0.23-1-cpu-py3",
        f"{SKLEARN}:1.2-10-cpu-py3",
        f"{XGBOOST}:1.5-1",
        f"{XGBOOST}:latest",
        f"{MINE}/sagemaker-xgboost:1.7-1",
        SKLEARN,
        f"{SKLEARN}@sha256:{'0' * 64}",
        f"{MINE}/sagemaker-scikit-learn:1.2-1-cpu-py3",
        f"{MINE}/sagemaker-spark-processing:3.5",
        f"{SPARK}-of-mine:3.5",
        "python:3.11",
        f"registry.test/{SKLEARN}:1.2-1-cpu-py3",
    ],
)
def test_other_versions_and_images_of_users_are_not_replaced(uri: str) -> None:
    assert substitute_for(uri, {}) is None


@pytest.mark.parametrize("version", ["1.7-1", "3.0-5", "3.2-0"])
def test_xgboost_is_replaced_by_the_stand_in_of_its_version(version: str) -> None:
    assert substitute_for(f"{XGBOOST}:{version}", {}) == f"processing-emulator/sagemaker-xgboost:{version}"
    assert substitute_for(f"{XGBOOST}:{version}-cpu-py3", {}) == f"processing-emulator/sagemaker-xgboost:{version}"


@pytest.mark.parametrize("end", ["", ":latest", ":3.5-cpu", ":3.1-cpu-py37-v1.0", "@sha256:" + "0" * 64])
@pytest.mark.parametrize(
    "registry", ["173754725891.dkr.ecr.us-east-1.amazonaws.com", "671472414489.dkr.ecr.cn-north-1.amazonaws.com.cn"]
)
def test_every_spark_image_is_replaced_in_every_partition(registry: str, end: str) -> None:
    assert substitute_for(f"{registry}/sagemaker-spark-processing{end}", {}) == "processing-emulator/spark:3.5"


@pytest.mark.parametrize(
    ("repository", "tag", "ours"),
    [
        ("sagemaker-scikit-learn", "1.2-1-cpu-py3", "processing-emulator/sagemaker-scikit-learn:1.2-1-cpu-py3"),
        ("sagemaker-xgboost", "1.7-1", "processing-emulator/sagemaker-xgboost:1.7-1"),
        ("sagemaker-spark-processing", "3.5-cpu-py39-v1.0", "processing-emulator/spark:3.5"),
    ],
)
def test_the_accounts_of_every_region_have_the_stand_in(repository: str, tag: str, ours: str) -> None:
    table = resources.files("processing_emulator.domain").joinpath("aws_registries.csv").read_text()
    rows = csv.DictReader(line for line in table.splitlines() if not line.startswith("#"))
    places = [(row["account"], row["region"]) for row in rows if row["repository"] == repository]
    assert {"us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"} <= {region for _, region in places}
    for account, region in places:
        end = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        assert substitute_for(f"{account}.dkr.ecr.{region}.{end}/{repository}:{tag}", {}) == ours


def test_the_user_s_map_has_precedence_and_may_name_any_image() -> None:
    assert substitute_for(f"{SKLEARN}:1.2-1-cpu-py3", {"*scikit-learn*": "mine:1"}) == "mine:1"
    assert substitute_for(f"{MINE}/team/image:1", {"*/team/image:*": "mine:1"}) == "mine:1"


@pytest.mark.parametrize("repository", ["pytorch-training", "tensorflow-training", "pytorch-inference"])
def test_deep_learning_containers_have_a_mirror_in_the_gallery(repository: str) -> None:
    tag = "2.8.0-cpu-py312-ubuntu22.04-sagemaker"
    assert mirror_of(f"{DLC}/{repository}:{tag}") == f"public.ecr.aws/deep-learning-containers/{repository}:{tag}"


@pytest.mark.parametrize(
    "uri",
    [
        f"{DLC}/huggingface-pytorch-training:2.8.0-transformers4.56.2-gpu-py312",
        f"{DLC}/pytorch-training",
        f"{DLC}/pytorch-training@sha256:{'0' * 64}",
        f"{MINE}/pytorch-training:2.8.0-cpu-py312",
        f"{SKLEARN}:1.2-1-cpu-py3",
    ],
)
def test_other_images_have_no_mirror(uri: str) -> None:
    assert mirror_of(uri) is None


WHAT_ELSE = (
    "; log in to its registry with an AWS account (docker login), "
    "or name an image to run instead in PROCESSING_EMULATOR_IMAGE_MAP"
)


@pytest.mark.parametrize("version", ["0.23-1", "0.20.0"])
def test_a_version_without_wheels_names_the_nearest_image_and_the_command(version: str) -> None:
    assert advice_for(f"{SKLEARN}:{version}-cpu-py3") == (
        f"scikit-learn {version} has no wheel for Python 3.9 or later, the Pythons of our images; the nearest that "
        "exists is processing-emulator/sagemaker-scikit-learn:1.0-1-cpu-py3 "
        f"(processing-emulator images build scikit-learn:1.0-1){WHAT_ELSE}"
    )


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        (f"{XGBOOST}:1.5-1", "xgboost:1.7-1"),
        (f"{XGBOOST}:0.90-2-cpu-py3", "xgboost:1.7-1"),
        (f"{XGBOOST}:4.0-1", "xgboost:3.2-0"),
        (f"{SKLEARN}:2.0-1-cpu-py3", "scikit-learn:1.4-2"),
        (f"{DLC}/pytorch-training:2.8.0-cpu-py312", "pytorch"),
        (f"{DLC}/huggingface-pytorch-training:2.8.0-transformers4.56.2-cpu-py312", "pytorch"),
        (f"{DLC}/tensorflow-training:2.19.0-cpu-py312", "scikit-learn:1.4-2"),
    ],
)
def test_every_framework_image_without_stand_in_names_the_nearest_and_its_command(uri: str, name: str) -> None:
    image = stand_in_named(name)
    assert image is not None
    advice = str(advice_for(uri))
    assert f"the nearest that exists is {image.tag} (processing-emulator images build {name})" in advice
    assert advice.endswith(WHAT_ELSE)


def test_every_other_image_has_a_command_and_the_setting() -> None:
    assert advice_for("team/missing:1") == (
        "to see why: processing-emulator images pull team/missing:1; log in to its registry (docker login), "
        "or name an image to run instead in PROCESSING_EMULATOR_IMAGE_MAP"
    )
    assert advice_for("processing-emulator/spark:3.5") is None, "the runtime names the command that builds it"
    assert advice_for(f"{DLC}/huggingface-pytorch-training:1") is not None
    assert "docker login" in str(advice_for(f"{MINE}/team/image:1"))


def test_every_stand_in_is_found_by_name_and_has_the_prefix_that_is_never_pulled() -> None:
    for image in STAND_INS:
        assert stand_in_named(image.name) is image
        assert all(tag.startswith("processing-emulator/") for tag in image.tags)
    assert stand_in_named("scikit-learn") is stand_in_named("scikit-learn:1.2-1")
    assert stand_in_named("xgboost") is stand_in_named("xgboost:3.2-0")
    assert stand_in_named("python-base") is PYTHON
    assert stand_in_named("scikit-learn:0.23-1") is None


def test_every_stand_in_has_a_recipe_that_leads_to_a_base() -> None:
    for image in STAND_INS:
        name = image.name
        while name not in BASES:
            recipe = RECIPES[name]
            assert recipe.stable_tags == (stand_in_named(name) or image).tags
            assert {"Dockerfile", recipe.smoke.name} <= recipe.files().keys()
            name = recipe.below
