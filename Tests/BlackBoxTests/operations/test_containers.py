"""The image, docker-compose.yml and the Kubernetes manifests, built and run: by buildah, podman and runc, since they need no
engine that runs already.

The base image is made of this machine's own Debian packages, in the full form (MARTLET_TEST_FULL=1) by debootstrap.
MARTLET_TEST_DEBIAN_ROOT may name an archive of a Debian 12 root that is taken instead.
"""

import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import pytest
import yaml

from harness.accounts import AMY
from harness.containers import Container, Engine, Unavailable
from harness.engines import ENGINES
from harness.process import ROOT
from harness.server import free_port

UID = 10001
# PostgreSQL asks nobody on the loopback address for a password, and takes one that it did not ask for.
STORE_PASSWORD = {"redis": {"password": "between us"}, "postgres": {}}
MOUNTS = {"state": "/var/lib/martlet/state", "keys": "/var/lib/martlet/keys", "accounts": "/var/lib/martlet/accounts"}


@pytest.fixture(scope="session")
def engine(is_full):
    # Sockets of podman lie below, and their paths may have 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="mc-"))
    engine = None
    try:
        engine = Engine(folder)
        engine.import_base(is_full)
        engine.build()
        yield engine
    except Unavailable as reason:
        pytest.skip(f"containers cannot run here: {reason}")
    finally:
        engine.close() if engine else shutil.rmtree(folder, ignore_errors=True)


class Service(Container):
    """The image on free ports of the host's loopback."""

    def __init__(self, engine: Engine, name: str, **settings):
        super().__init__(engine, name)
        self.port, self.operator_port = free_port(), free_port()
        self.settings = {
            "MARTLET_LISTEN": f"127.0.0.1:{self.port}",
            "MARTLET_OPERATOR_LISTEN": f"127.0.0.1:{self.operator_port},unix:/run/martlet/operator.sock",
            **settings,
        }
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=40)
        self.operator = httpx.Client(base_url=f"http://127.0.0.1:{self.operator_port}", timeout=20)

    def start(self, *options: str, volumes: dict[str, str] | None = None) -> "Service":
        """`podman run`, read-only, without capabilities; volumes by the names of their mounts."""
        mounts = {name: f"{self.name}-{name}" for name in MOUNTS} | (volumes or {})
        arguments = ["--detach", "--name", self.name, "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"]
        arguments += ["--security-opt", "no-new-privileges"]
        for name, path in MOUNTS.items():
            arguments += ["--volume", f"{mounts[name]}:{path}"]
        for name, value in self.settings.items():
            arguments += ["--env", f"{name}={value}"]
        self.engine.podman("run", *arguments, *options, "localhost/martlet:latest")
        return self

    def add_amy(self) -> None:
        done = self.exec("martlet", "user", "add", AMY.name, "--password-stdin", "--scope", "read", stdin=AMY.password)
        assert done.returncode == 0, done.stdout + done.stderr

    def login(self) -> dict:
        answer = self.http.post("/login", json={"username": AMY.name, "password": AMY.password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def verifies(self, token: str) -> int:
        return self.http.post("/verify", json={"token": token}).status_code

    def remove(self) -> None:
        self.engine.podman("rm", "--force", "--time", "2", self.name)


@pytest.fixture
def make_service(engine):
    made = []

    def make(name: str, **settings) -> Service:
        made.append(Service(engine, name, **settings))
        return made[-1]

    yield make
    for service in made:
        engine.run("podman", "rm", "--force", "--ignore", "--time", "2", service.name)
        service.http.close()
        service.operator.close()


@pytest.fixture(scope="session")
def origin(engine):
    """A stopped service that has an account, and a session of it: its volumes are where several tests begin."""
    service = Service(engine, "origin").start()
    service.await_listening(3)
    service.add_amy()
    wait_until_users_are_read(service)
    session = service.login()
    service.stop(seconds=15)
    service.remove()
    service.http.close()
    service.operator.close()
    return session


def copy_of_origin(engine: Engine, name: str) -> None:
    """Volumes for a service of this name, with the files, owners and modes of the origin's."""
    for volume in MOUNTS:
        engine.podman("volume", "create", f"{name}-{volume}")
        source, target = engine.volume(f"origin-{volume}"), engine.volume(f"{name}-{volume}")
        subprocess.run(["cp", "-a", f"{source}/.", f"{target}/"], check=True)


def wait_until_users_are_read(service: Service) -> None:
    """An added user is known within a second."""
    deadline = time.monotonic() + 15
    while not any(event["what"] == "users" for event in service.events("reloaded")):
        assert time.monotonic() < deadline, service.log
        time.sleep(0.1)


def test_the_image_declares_what_it_is(engine):
    config = engine.image()
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["martlet"] and config["Cmd"] == ["serve"]
    assert set(config["Volumes"]) == {*MOUNTS.values(), "/run/martlet"}
    assert config["Healthcheck"]["Test"] == ["CMD", "martlet", "healthcheck"]
    assert config["StopSignal"] == "SIGTERM"


def test_first_start_user_restart_and_stop(make_service):
    """Read-only, with empty volumes: keys are made, a user is added by exec, all of it outlives the container."""
    service = make_service("first").start()
    service.await_listening(3)
    assert len(service.events("keys_created")) == 1
    assert service.exec("martlet", "healthcheck").returncode == 0
    service.add_amy()
    wait_until_users_are_read(service)
    ended, kept = service.login(), service.login()
    bearer = {"Authorization": f"Bearer {ended['access_token']}"}
    assert service.http.post("/logout", headers=bearer).status_code == 204

    status = service.exec("martlet", "status")
    assert status.returncode == 0, status.stdout + status.stderr
    assert "ready" in status.stdout

    assert service.stop(seconds=15) < 14
    assert service.state["ExitCode"] == 0
    assert service.events("stopped")
    assert service.exec("martlet", "healthcheck").returncode != 0

    service.remove()
    service.start()
    service.await_listening(3)
    assert service.events("keys_created") == []
    assert service.verifies(kept["access_token"]) == 200
    assert service.verifies(ended["access_token"]) == 401
    refreshed = service.http.post("/refresh", json={"refresh_token": kept["refresh_token"]})
    assert refreshed.status_code == 200, refreshed.text
    owners = {path.stat().st_uid for name in MOUNTS for path in service.engine.volume(f"first-{name}").iterdir()}
    assert owners == {UID}


def test_a_volume_that_was_rolled_back_is_refused(make_service, engine, origin, tmp_path):
    """An older copy of the state volume would have forgotten a logout."""
    copy_of_origin(engine, "rolled")
    state = engine.volume("rolled-state")
    subprocess.run(["cp", "-a", f"{state}/.", tmp_path / "copy"], check=True)
    service = make_service("rolled").start()
    service.await_listening(3)
    bearer = {"Authorization": f"Bearer {origin['access_token']}"}
    assert service.http.post("/logout", headers=bearer).status_code == 204
    service.stop(seconds=15)
    subprocess.run(["find", str(state), "-mindepth", "1", "-delete"], check=True)
    subprocess.run(["cp", "-a", f"{tmp_path}/copy/.", str(state)], check=True)

    service.engine.podman("start", "rolled")
    assert service.await_end() == 2
    assert "martlet journal accept" in service.log


def test_the_modes_that_an_fsgroup_gives_files_are_accepted(make_service, engine, origin):
    """At each mount Kubernetes gives a volume's files the group of fsGroup and adds group read and write."""
    copy_of_origin(engine, "fsgroup")
    for name in MOUNTS:
        root = engine.volume(f"fsgroup-{name}")
        for path in [root, *root.rglob("*")]:
            os.chown(path, -1, UID)
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | 0o660 | (0o2110 if path.is_dir() else 0))
    service = make_service("fsgroup").start()
    service.await_listening(3)
    assert service.verifies(origin["access_token"]) == 200
    assert service.login()


def as_secret(folder: Path, files: dict[str, bytes]) -> Path:
    """Files as the kubelet mounts a Secret with defaultMode 0440 for a Pod with an fsGroup: root's, behind two symlinks."""
    data = folder / "..2026_01_01"
    data.mkdir(parents=True)
    for name, content in files.items():
        (data / name).write_bytes(content)
        (data / name).chmod(0o440)
        os.chown(data / name, 0, UID)
        (folder / name).symlink_to(f"..data/{name}")
    (folder / "..data").symlink_to(data.name)
    for path in (folder, data):
        os.chown(path, 0, UID)
        path.chmod(0o2775 if path == folder else 0o2755)
    return folder


def test_keys_and_accounts_from_secrets_are_read(make_service, engine, origin):
    copy_of_origin(engine, "secrets")
    mounted = engine.folder / "secrets"
    volumes = {}
    for name, suffixes in (("keys", (".jwk",)), ("accounts", (".json",))):
        found = engine.volume(f"origin-{name}").iterdir()
        files = {path.name: path.read_bytes() for path in found if path.suffix in suffixes}
        assert files
        volumes[name] = f"{as_secret(mounted / name, files)}"
    # Writable for the service alone: nothing can be written next to the state or among the keys.
    seen = engine.folder / "seen"
    seen.mkdir(mode=0o700)
    os.chown(seen, UID, UID)
    second = make_service("secrets", MARTLET_SEEN="/var/lib/martlet/seen/state.seen")
    second.start("--volume", f"{seen}:/var/lib/martlet/seen", volumes=volumes)
    second.await_listening(3)
    assert second.verifies(origin["access_token"]) == 200
    assert second.login()
    second.stop(seconds=15)
    for folder in volumes.values():
        assert {path.stat().st_uid for path in Path(folder).rglob("*")} == {0}


def test_the_compose_file_runs(engine, tmp_path):
    """docker-compose.yml as it is, but for the limits that this machine allows and free ports."""
    service = Service(engine, "composed")
    override = {
        "services": {
            "martlet": {
                "container_name": service.name,
                "image": "localhost/martlet:latest",
                "environment": service.settings,
                # Reached like the other containers here: on the host's own loopback.
                "network_mode": "host",
                "ulimits": {"nofile": 10000, "nproc": 10000},
            }
        }
    }
    (tmp_path / "override.yml").write_text(yaml.safe_dump(override))
    # podman-compose builds an image that the file says how to build.
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    del compose["services"]["martlet"]["build"]
    del compose["services"]["martlet"]["ports"]
    (tmp_path / "compose.yml").write_text(yaml.safe_dump(compose))
    base = ["podman-compose", "-p", "martlet", "-f", str(tmp_path / "compose.yml"), "-f", str(tmp_path / "override.yml")]
    up = engine.run(*base, "up", "-d")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        service.await_listening(3)
        assert service.exec("martlet", "healthcheck").returncode == 0
        service.add_amy()
        wait_until_users_are_read(service)
        session = service.login()
        assert service.verifies(session["access_token"]) == 200
        assert service.exec("martlet", "status").returncode == 0
        inspected = yaml.safe_load(engine.podman("inspect", service.name))[0]
        assert inspected["HostConfig"]["ReadonlyRootfs"] is True
        assert service.stop(seconds=15) < 14 and service.state["ExitCode"] == 0
    finally:
        engine.run(*base, "down", "--volumes", "--timeout", "2")


def manifest(name: str) -> list[dict]:
    return list(yaml.safe_load_all((ROOT / "deploy/kubernetes" / name).read_text()))


def of_kind(documents: list[dict], kind: str) -> list[dict]:
    return [document for document in documents if document["kind"] == kind]


def test_the_kubernetes_manifest_runs(engine, tmp_path):
    """deploy/kubernetes/martlet.yaml as it is, but for the host's network, the local image and free ports."""
    service = Service(engine, "martlet-pod-martlet")
    documents = manifest("martlet.yaml")
    pod = of_kind(documents, "Deployment")[0]["spec"]["template"]["spec"]
    pod["hostNetwork"] = True
    pod["containers"][0]["imagePullPolicy"] = "Never"
    # No kubelet asks the probes, and podman maps ports for a network of the Pod's own only.
    for name in ("ports", "startupProbe", "livenessProbe", "readinessProbe"):
        del pod["containers"][0][name]
    settings = of_kind(documents, "ConfigMap")[0]["data"]
    settings |= service.settings | {"MARTLET_ISSUER": "http://127.0.0.1:8080", "MARTLET_DRAIN_DELAY": "1s"}
    path = tmp_path / "martlet.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    try:
        engine.podman("kube", "play", str(path))
        names = engine.podman("ps", "--all", "--format", "{{.Names}}").split()
        service.name = next(name for name in names if name.startswith("martlet-pod") and name.endswith("-martlet"))
        service.await_listening(3)
        assert service.operator.get("/livez").status_code == 200
        assert service.operator.get("/readyz").status_code == 200
        assert service.exec("martlet", "healthcheck").returncode == 0
        service.add_amy()
        wait_until_users_are_read(service)
        session = service.login()
        assert service.verifies(session["access_token"]) == 200
        assert service.exec("martlet", "status").returncode == 0
        grace = pod["terminationGracePeriodSeconds"]
        assert service.stop(seconds=grace) < grace - 1 and service.state["ExitCode"] == 0
    finally:
        engine.run("podman", "kube", "down", str(path))


# What podman writes for a new container keeps the disk of the store busy for seconds.
PATIENT = {"MARTLET_STORE_TIMEOUT": "30s"}


def they_share(a: Service, b: Service) -> None:
    """What one server does holds on the other one, and the second goes on when the first one stops."""
    session = a.login()
    assert b.verifies(session["access_token"]) == 200
    rotated = b.http.post("/refresh", json={"refresh_token": session["refresh_token"]})
    assert rotated.status_code == 200, rotated.text
    assert a.http.post("/refresh", json={"refresh_token": session["refresh_token"]}).content == rotated.content
    assert a.http.post("/revoke", data={"token": session["access_token"]}).status_code == 200
    deadline = time.monotonic() + 20
    while b.verifies(session["access_token"]) != 401:
        assert time.monotonic() < deadline, "the revocation on the other server"
        time.sleep(0.05)
    status = a.exec("martlet", "store", "status")
    assert status.returncode == 0 and "servers   2" in status.stdout, status.stdout + status.stderr
    a.stop(seconds=20)
    assert b.http.post("/refresh", json={"refresh_token": rotated.json()["refresh_token"]}).status_code == 200


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_two_servers_of_the_compose_file_share_a_store(engine, tmp_path, kind):
    """deploy/compose as it is, but for the store, which runs without a container, limits of this machine, and free ports."""
    store = ENGINES[kind](Path(tempfile.mkdtemp(prefix="mcs-", dir=engine.folder)), **STORE_PASSWORD[kind])
    services = {name: Service(engine, name) for name in ("martlet-a", "martlet-b")}
    compose = yaml.safe_load((ROOT / f"deploy/compose/{kind}.yml").read_text())
    del compose["x-martlet"]
    compose["services"] = {name: compose["services"][name] for name in services}
    compose["volumes"] = {name: None for name in compose["volumes"] if name != "store"}
    secret = tmp_path / "store.secret"
    secret.write_text("between us\n")
    secret.chmod(0o644)
    compose["secrets"]["store"]["file"] = str(secret)
    for name, service in services.items():
        composed = compose["services"][name]
        del composed["build"], composed["depends_on"]
        composed |= {
            "container_name": name,
            "image": "localhost/martlet:latest",
            "network_mode": "host",
            "ulimits": {"nofile": 10000, "nproc": 10000},
            "environment": composed["environment"] | service.settings | {"MARTLET_STORE": store.url()} | PATIENT,
        }
    (tmp_path / "compose.yml").write_text(yaml.safe_dump(compose))
    base = ["podman-compose", "-p", "shared", "-f", str(tmp_path / "compose.yml")]
    try:
        for name, service in services.items():
            up = engine.run(*base, "up", "-d", name)
            assert up.returncode == 0, up.stdout + up.stderr
            service.await_listening(3)
        a, b = services.values()
        a.add_amy()
        for service in (a, b):
            wait_until_users_are_read(service)
        they_share(a, b)
    finally:
        engine.run(*base, "down", "--volumes", "--timeout", "2")
        store.close()


def pod_of_a_store(kind: str, service: Service, secrets: dict[str, Path], **settings: str) -> list[dict]:
    """One Pod of the StatefulSet in deploy/kubernetes, with its ConfigMap: podman knows no StatefulSet.

    `secrets`: folders that have the files of the Secrets, with the modes and owners that the kubelet gives them and podman
    does not.
    """
    documents = manifest(f"martlet-{kind}.yaml")
    server = next(each for each in of_kind(documents, "StatefulSet") if each["metadata"]["name"] == "martlet")
    spec = server["spec"]["template"]["spec"] | {"hostNetwork": True}
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        container["imagePullPolicy"] = "Never"
        for name in ("ports", "startupProbe", "livenessProbe", "readinessProbe"):
            container.pop(name, None)
    for volume in spec["volumes"]:
        if "secret" in volume:
            assert volume.pop("secret") == {"secretName": f"martlet-{volume['name']}", "defaultMode": 0o440}
            volume["hostPath"] = {"path": f"{secrets[volume['name']]}", "type": "Directory"}
        if "emptyDir" in volume:
            # podman makes a volume of this name, which Pods share.
            own = f"{volume['name']}-{service.name}"
            for mount in spec["containers"][0]["volumeMounts"]:
                if mount["name"] == volume["name"]:
                    mount["name"] = own
            volume["name"] = own
    for claim in server["spec"]["volumeClaimTemplates"]:
        name = claim["metadata"]["name"]
        spec["volumes"].append({"name": name, "persistentVolumeClaim": {"claimName": f"{name}-{service.name}"}})
    shared = of_kind(documents, "ConfigMap")[0]
    shared["data"] |= service.settings | {"MARTLET_DRAIN_DELAY": "1s"} | settings
    # podman fails now and then to remove an init container that has just ended, unless it is to stay.
    metadata = {"name": service.name, "annotations": {"io.podman.annotations.init.container.type": "always"}}
    return [shared, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}]


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_two_pods_of_the_kubernetes_manifest_share_a_store(engine, origin, tmp_path, kind):
    """deploy/kubernetes as it is, but for what podman does not know, the store, which has no container, and free ports."""
    store = ENGINES[kind](Path(tempfile.mkdtemp(prefix="mks-", dir=engine.folder)), **STORE_PASSWORD[kind])
    if kind == "postgres":
        # The first Pod's init container makes the schema.
        store.server.ask("DROP SCHEMA martlet CASCADE")
        store.server.ask("GRANT CREATE ON DATABASE postgres TO martlet")
    folder = Path(tempfile.mkdtemp(prefix="mkf-", dir=engine.folder))
    folder.chmod(0o755)
    secrets = {"store": as_secret(folder / "store", {"password": b"between us"})}
    for name, suffix in (("keys", ".jwk"), ("accounts", ".json")):
        files = {path.name: path.read_bytes() for path in engine.volume(f"origin-{name}").iterdir() if path.suffix == suffix}
        assert files
        secrets[name] = as_secret(folder / name, files)
    services = [Service(engine, f"martlet-{index}") for index in range(2)]
    played = []
    try:
        for service in services:
            path = tmp_path / f"{service.name}.yaml"
            documents = pod_of_a_store(kind, service, secrets, MARTLET_STORE=store.url(), **PATIENT)
            path.write_text(yaml.safe_dump_all(documents))
            played.append(path)
            engine.podman("kube", "play", str(path))
            service.name += "-martlet"
            service.await_listening(3)
            assert service.operator.get("/livez").status_code == 200
        they_share(*services)
    finally:
        for path in played:
            engine.run("podman", "kube", "down", str(path))
        store.close()
        for service in services:
            service.http.close()
            service.operator.close()
