"""The samples with two servers and a store: they fit their schemas, and what they promise fits the image and the documents."""

import json
import re
import warnings

import jsonschema
import kubernetes_validate
import pytest
import yaml

from harness.process import ROOT

ENGINES = ("redis", "postgres")
SETTINGS = set(re.findall(r"^\| `(MARTLET_\w+)` \|", (ROOT / "docs/configuration.md").read_text(), re.M))


def compose(engine: str) -> dict:
    return yaml.safe_load((ROOT / f"deploy/compose/{engine}.yml").read_text())


def servers(engine: str) -> dict[str, dict]:
    return {name: service for name, service in compose(engine)["services"].items() if name.startswith("martlet-")}


def documents(engine: str) -> list[dict]:
    return list(yaml.safe_load_all((ROOT / f"deploy/kubernetes/martlet-{engine}.yaml").read_text()))


def of_kind(engine: str, kind: str, name: str) -> dict:
    return next(found for found in documents(engine) if found["kind"] == kind and found["metadata"]["name"] == name)


def pod(engine: str) -> dict:
    return of_kind(engine, "StatefulSet", "martlet")["spec"]["template"]["spec"]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_compose_files_are_valid_and_name_settings_that_exist(engine):
    schema = json.loads((ROOT / "Tests/Vectors/compose-spec/compose_spec.json").read_text())
    jsonschema.Draft201909Validator(schema).validate(compose(engine))
    assert len(servers(engine)) == 2
    for service in servers(engine).values():
        assert set(service["environment"]) <= SETTINGS
        assert not any("PASSWORD" in name and name != "MARTLET_STORE_PASSWORD_FILE" for name in service["environment"])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_servers_share_keys_and_accounts_and_have_their_own_copies_and_names(engine):
    a, b = servers(engine).values()
    assert a["environment"]["MARTLET_NODE"] != b["environment"]["MARTLET_NODE"]
    shared = set(a["volumes"]) & set(b["volumes"])
    assert {entry.split(":")[0] for entry in shared} == {"keys", "accounts"}
    own = [set(service["volumes"]) - shared for service in (a, b)]
    assert all(len(volumes) == 1 and next(iter(volumes)).endswith(":/var/lib/martlet/state") for volumes in own)
    declared = json.loads(re.search(r"^VOLUME (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.M)[1])
    mounted = {entry.split(":")[1] for entry in a["volumes"]}
    assert mounted == set(declared) - {"/run/martlet"}
    for service in (a, b):
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]


def test_nginx_sends_requests_to_both_servers():
    text = (ROOT / "deploy/compose/nginx.conf").read_text()
    assert set(re.findall(r"server (martlet-\w+):8080", text)) == set(servers("redis")) == set(servers("postgres"))


def test_the_redis_of_the_samples_is_as_durable_as_strict_demands():
    texts = [" ".join(compose("redis")["services"]["redis"]["command"])]
    container = of_kind("redis", "StatefulSet", "martlet-redis")["spec"]["template"]["spec"]["containers"][0]
    texts.append(" ".join(container["command"]))
    for text in texts:
        for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
            assert option in text


@pytest.mark.parametrize("engine", ENGINES)
def test_the_manifests_fit_the_api(engine):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for document in documents(engine):
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    settings = of_kind(engine, "ConfigMap", "martlet")["data"]
    assert set(settings) <= SETTINGS
    host = re.match(r"\w+://(?:\w+@)?([\w-]+)", settings["MARTLET_STORE"])[1]
    assert of_kind(engine, "Service", host)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_pods_have_names_copies_and_no_privileges(engine):
    spec = of_kind(engine, "StatefulSet", "martlet")["spec"]
    assert spec["replicas"] == 2
    assert [claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]] == ["state"]
    container = pod(engine)["containers"][0]
    (name,) = [entry for entry in container["env"] if entry["name"] == "MARTLET_NODE"]
    assert name["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.M)
    security = pod(engine)["securityContext"]
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (int(user[1]), int(user[2]), int(user[2]))
    for inside in [container, *pod(engine).get("initContainers", [])]:
        assert inside["securityContext"]["readOnlyRootFilesystem"] is True
        assert inside["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    declared = yaml.safe_load(re.search(r"^VOLUME (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.M)[1])
    assert set(declared) <= {mount["mountPath"] for mount in container["volumeMounts"]}
    assert all(v["secret"]["defaultMode"] == 0o440 for v in pod(engine)["volumes"] if "secret" in v)
    settings = of_kind(engine, "ConfigMap", "martlet")["data"]
    folder = settings["MARTLET_STORE_PASSWORD_FILE"].rpartition("/")[0]
    assert any(mount["mountPath"] == folder and mount["readOnly"] for mount in container["volumeMounts"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_that_is_away_takes_no_pod_out_of_the_service(engine):
    container = pod(engine)["containers"][0]
    assert container["readinessProbe"]["httpGet"]["path"] == "/livez"
