"""configuration.json, and the files of Spark and Hadoop that are made from it (clients.md 4.1)."""

import logging
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from smspark.conf_files import ConfFolders, write_core_site, write_spark_defaults, write_spark_env
from smspark.configuration import Configuration, parse
from smspark.event_logs import event_log_settings
from smspark.s3_access import s3_settings

EXPORT = {"Classification": "export", "Properties": {"A": "1"}}


def test_one_object_or_a_list_is_read_and_the_last_one_wins() -> None:
    first = {"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "1g", "spark.x": True}}
    second = {"Classification": "spark-defaults", "Properties": {"spark.executor.memory": "2g"}}
    assert parse(first).spark_defaults == {"spark.executor.memory": "1g", "spark.x": "True"}
    assert parse([first, second]).spark_defaults == {"spark.executor.memory": "2g", "spark.x": "True"}
    assert parse(None) == Configuration()


def test_env_is_in_a_nested_export() -> None:
    assert parse({"Classification": "spark-env", "Properties": {}, "Configurations": [EXPORT]}).spark_env == {"A": "1"}


def test_core_site_is_read() -> None:
    document = {"Classification": "core-site", "Properties": {"fs.s3a.threads.max": "5"}}
    assert parse(document).core_site == {"fs.s3a.threads.max": "5"}


def test_known_classifications_without_a_meaning_here_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert parse({"Classification": "yarn-site", "Properties": {"a": "b"}}) == Configuration()
    assert caplog.messages == ["configuration.json: yarn-site is ignored, because this image has no part that reads it"]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"Classification": "spark-default", "Properties": {}}, "Invalid classification: spark-default."),
        ({"Classification": "spark-env", "Properties": {}}, "require a sub-configuration"),
        (
            {"Classification": "spark-env", "Properties": {}, "Configurations": [EXPORT | {"Classification": "x"}]},
            "must use the 'export' sub-classification",
        ),
    ],
)
def test_wrong_configuration_is_a_value_error(document: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse(document)


def test_files_are_written_as_spark_and_hadoop_read_them(tmp_path: Path) -> None:
    folders = ConfFolders(spark=tmp_path / "spark", hadoop=tmp_path / "hadoop")
    write_spark_defaults(folders, {"spark.executor.memory": "1g", "spark.driver.host": "algo-1"})
    write_spark_env(folders, {"A": "1"})
    write_core_site(folders, {"a": "x < y & z"})
    assert (folders.spark / "spark-defaults.conf").read_text() == "spark.executor.memory 1g\nspark.driver.host algo-1\n"
    assert (folders.spark / "spark-env.sh").read_text() == "export A=1\n"
    site = ET.parse(folders.hadoop / "core-site.xml")
    assert [(each.findtext("name"), each.findtext("value")) for each in site.iter("property")] == [("a", "x < y & z")]


def test_s3_paths_lead_to_the_endpoint_of_the_emulator() -> None:
    settings = s3_settings({"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://172.17.0.1:4600"})
    assert settings["fs.s3a.endpoint"] == "http://172.17.0.1:4600"
    assert settings["fs.s3a.endpoint.region"] == "eu-west-1"
    assert settings["fs.s3a.path.style.access"] == "true"
    assert settings["fs.s3a.connection.ssl.enabled"] == "false"
    assert settings["fs.s3.impl"] == "org.apache.hadoop.fs.s3a.S3AFileSystem"
    assert not any("key" in name for name in settings), "credentials stay in the environment"


def test_an_endpoint_for_s3_alone_wins() -> None:
    both = {"AWS_ENDPOINT_URL": "http://all:1", "AWS_ENDPOINT_URL_S3": "https://s3:2"}
    assert s3_settings(both)["fs.s3a.endpoint"] == "https://s3:2"
    assert s3_settings(both)["fs.s3a.connection.ssl.enabled"] == "true"


def test_without_an_endpoint_s3_paths_lead_to_aws(caplog: pytest.LogCaptureFixture) -> None:
    assert "fs.s3a.endpoint" not in s3_settings({"AWS_REGION": "eu-west-1"})
    assert caplog.messages == ["AWS_ENDPOINT_URL is not set: s3:// and s3a:// paths lead to AWS"]


def test_event_logs_go_to_s3_or_to_a_local_folder_or_nowhere() -> None:
    on = {"spark.eventLog.enabled": "true"}
    assert event_log_settings("s3://b/logs", None) == on | {"spark.eventLog.dir": "s3a://b/logs"}
    assert event_log_settings("s3://b/logs", "/local/") == on | {"spark.eventLog.dir": "s3a://b/logs"}
    assert event_log_settings(None, "/local/") == on | {"spark.eventLog.dir": "/tmp/spark-events"}
    assert event_log_settings(None, None) == {}
