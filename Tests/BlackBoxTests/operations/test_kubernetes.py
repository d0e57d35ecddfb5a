"""The Kubernetes manifests: they fit the API, and what they promise fits the image and the documents."""

import copy
import re
import warnings

import kubernetes_validate
import pytest
import yaml

from harness.process import ROOT

NAMES = ("martlet.yaml", "martlet-secrets.yaml")
STORES = ("martlet-redis.yaml", "martlet-postgres.yaml")


def documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((ROOT / "deploy/kubernetes" / name).read_text()))


def deployment(name: str) -> dict:
    return next(document for document in documents(name) if document["kind"] == "Deployment")


def pod(name: str) -> dict:
    return deployment(name)["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", (*NAMES, *STORES))
def test_the_manifests_fit_the_api(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for document in documents(name):
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_a_mistake_in_a_manifest_would_be_found():
    broken = copy.deepcopy(deployment("martlet.yaml"))
    broken["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_there_is_one_process_and_it_has_no_privileges(name):
    spec = deployment(name)["spec"]
    assert spec["replicas"] == 1 and spec["strategy"] == {"type": "Recreate"}
    security = pod(name)["securityContext"]
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert (security["runAsUser"], security["runAsGroup"]) == (int(user[1]), int(user[2]))
    assert security["runAsNonRoot"] is True and security["fsGroup"] == int(user[2])
    inside = pod(name)["containers"][0]["securityContext"]
    assert inside["readOnlyRootFilesystem"] is True and inside["allowPrivilegeEscalation"] is False
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert pod(name)["enableServiceLinks"] is False and pod(name)["automountServiceAccountToken"] is False


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_the_image_writes_is_mounted(name):
    declared = yaml.safe_load(re.search(r"^VOLUME (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.M)[1])
    mounted = {mount["mountPath"] for mount in pod(name)["containers"][0]["volumeMounts"]}
    assert set(declared) <= mounted
    assert {mount["name"] for mount in pod(name)["containers"][0]["volumeMounts"]} == {
        volume["name"] for volume in pod(name)["volumes"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_secrets_are_not_mounted_for_everyone(name):
    modes = [volume["secret"].get("defaultMode") for volume in pod(name)["volumes"] if "secret" in volume]
    assert all(mode == 0o440 for mode in modes)
    assert bool(modes) == (name == "martlet-secrets.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_the_grace_period_is_longer_than_the_drain(name):
    settings = next(document for document in documents("martlet.yaml") if document["kind"] == "ConfigMap")["data"]
    defaults = (ROOT / "docs/configuration.md").read_text()
    timeout = int(re.search(r"`MARTLET_DRAIN_TIMEOUT` \| [^|]+ \| `(\d+)s`", defaults)[1])
    delay = int(settings["MARTLET_DRAIN_DELAY"].removesuffix("s"))
    assert pod(name)["terminationGracePeriodSeconds"] >= delay + timeout + 5


def test_the_second_manifest_differs_in_its_volumes_only():
    first, second = copy.deepcopy(deployment("martlet.yaml")), copy.deepcopy(deployment("martlet-secrets.yaml"))
    for manifest in (first, second):
        spec = manifest["spec"]["template"]["spec"]
        del spec["volumes"], spec["containers"][0]["volumeMounts"]
        spec["containers"][0].pop("env", None)
    assert first == second
