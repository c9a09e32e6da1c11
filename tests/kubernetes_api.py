"""As much of a Kubernetes API server as `kubectl` wants for an apply and a RayJob's end.

An emulator of somebody else's protocol: discovery, server-side apply, get and delete, in memory. What
becomes of a RayJob is scripted: one status after the other, as KubeRay would write them.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import yaml

RESOURCES = {
    "v1": [("configmaps", "ConfigMap"), ("serviceaccounts", "ServiceAccount")],
    "networking.k8s.io/v1": [("networkpolicies", "NetworkPolicy")],
    "ray.io/v1": [("rayjobs", "RayJob")],
}
JOB = "/apis/ray.io/v1/namespaces/carpose/rayjobs/carpose-retrain"


@dataclass
class Script:
    """What the server does: the statuses of the next RayJob, one a question; the last one stays.

    `None` in their place is a question that the server fails to answer."""

    statuses: Sequence[dict[str, str] | None] = ()
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What is in the cluster, by path."""
    finalizer: bool = False
    """Whether what is deleted stays, as while somebody still has to clear up after it."""
    calls: list[str] = field(default_factory=list)
    """Method and path of every call that changed something."""


class _Handler(BaseHTTPRequestHandler):
    script: ClassVar[Script]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in DISCOVERY:
            self._send(200, DISCOVERY[path])
        elif path not in self.script.resources:
            self._refuse(404, "NotFound")
        elif path == JOB and self.script.statuses:
            first, *rest = self.script.statuses
            if rest:
                self.script.statuses = rest
            if first is None:
                self._refuse(500, "InternalError")
            else:
                self._send(200, self.script.resources[path] | {"status": first})
        else:
            self._send(200, self.script.resources[path])

    def do_PATCH(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.script.calls.append(f"PATCH {path}")
        self.script.resources[path] = yaml.safe_load(body)
        self._send(201, self.script.resources[path])

    def do_DELETE(self) -> None:
        path = self.path.partition("?")[0]
        self.script.calls.append(f"DELETE {path}")
        if path in self.script.resources and self.script.finalizer:
            self._send(200, self.script.resources[path])
        elif self.script.resources.pop(path, None) is None:
            self._refuse(404, "NotFound")
        else:
            self._send(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _refuse(self, code: int, reason: str) -> None:
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
        self._send(code, body | {"reason": reason, "message": f"{reason}: {self.path}"})

    def _send(self, code: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the test says what was asked."""


def _at(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _discovery() -> dict[str, dict[str, Any]]:
    groups = [version.split("/") for version in RESOURCES if "/" in version]
    found: dict[str, dict[str, Any]] = {
        "/version": {"major": "1", "minor": "31"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [
                {
                    "name": group,
                    "versions": [{"groupVersion": f"{group}/{version}", "version": version}],
                    "preferredVersion": {"groupVersion": f"{group}/{version}", "version": version},
                }
                for group, version in groups
            ],
        },
        "/openapi/v3": {
            "paths": {
                _at(v).lstrip("/"): {"serverRelativeURL": f"/openapi/v3{_at(v)}"} for v in RESOURCES
            }
        },
    }
    for version, resources in RESOURCES.items():
        found[_at(version)] = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": version,
            "resources": [
                {
                    "name": name,
                    "singularName": kind.lower(),
                    "namespaced": True,
                    "kind": kind,
                    "verbs": ["get", "patch", "create", "delete"],
                }
                for name, kind in resources
            ],
        }
        found[f"/openapi/v3{_at(version)}"] = _openapi(version, resources)
    return found


def _openapi(version: str, resources: list[tuple[str, str]]) -> dict[str, Any]:
    """Enough of a schema for kubectl to leave the validation to the server."""
    group, _, name = version.rpartition("/")
    paths = {
        f"{_at(version)}/namespaces/{{namespace}}/{plural}/{{name}}": {
            "patch": {
                "x-kubernetes-group-version-kind": {"group": group, "version": name, "kind": kind},
                "parameters": [{"name": "fieldValidation", "in": "query"}],
                "responses": {},
            }
        }
        for plural, kind in resources
    }
    return {"openapi": "3.0.0", "info": {"title": "k", "version": "1"}, "paths": paths}


DISCOVERY = _discovery()


@contextmanager
def kubernetes(script: Script) -> Iterator[str]:
    """The server, while it runs; its address."""
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
