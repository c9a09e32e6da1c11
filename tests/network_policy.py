"""Kubernetes network policies, evaluated: may this pod open that port of that one?

https://kubernetes.io/docs/concepts/services-networking/network-policies/, for literal ports, pods and
IPv4 addresses.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Literal

Manifest = dict[str, Any]
Direction = Literal["ingress", "egress"]


@dataclass(frozen=True)
class Pod:
    """A pod by its namespace and labels."""

    namespace: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Address:
    """Something outside of the cluster, or a node: an IPv4 address."""

    ip: str


Peer = Pod | Address


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes these labels; an empty one takes all."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for wanted in selector.get("matchExpressions", []):
        key, values = wanted["key"], wanted.get("values", [])
        holds = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[wanted["operator"]]
        if not holds:
            return False
    return True


def allowed(
    policies: Iterable[Manifest], source: Peer, target: Peer, port: int, protocol: str = "TCP"
) -> bool:
    """Whether `source` may open `port` of `target`: its egress and the other's ingress allow it."""
    policies = list(policies)
    return _passes(policies, "egress", source, target, port, protocol) and _passes(
        policies, "ingress", target, source, port, protocol
    )


def _passes(
    policies: list[Manifest], direction: Direction, own: Peer, other: Peer, port: int, protocol: str
) -> bool:
    if isinstance(own, Address):
        return True
    selecting = [p for p in policies if _selects(p, direction, own)]
    if not selecting:
        return True
    return any(
        _rule_takes(rule, "from" if direction == "ingress" else "to", policy, other)
        and _rule_has(rule, port, protocol)
        for policy in selecting
        for rule in policy["spec"].get(direction, [])
    )


def _selects(policy: Manifest, direction: Direction, pod: Pod) -> bool:
    spec = policy["spec"]
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and direction.capitalize() in spec["policyTypes"]
        and matches(spec["podSelector"], pod.labels)
    )


def _rule_has(rule: Manifest, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(
        p["port"] == port and p.get("protocol", "TCP") == protocol for p in ports
    )


def _rule_takes(rule: Manifest, key: str, policy: Manifest, other: Peer) -> bool:
    peers = rule.get(key)
    return not peers or any(_peer_is(peer, policy, other) for peer in peers)


def _peer_is(peer: Manifest, policy: Manifest, other: Peer) -> bool:
    if "ipBlock" in peer:
        # Pods' addresses are not known here, and policies are not to be written by them.
        block = peer["ipBlock"]
        return (
            isinstance(other, Address)
            and ip_address(other.ip) in ip_network(block["cidr"])
            and not any(ip_address(other.ip) in ip_network(n) for n in block.get("except", []))
        )
    if isinstance(other, Address):
        return False
    if "namespaceSelector" in peer:
        names = {"kubernetes.io/metadata.name": other.namespace}
        if not matches(peer["namespaceSelector"], names):
            return False
    elif other.namespace != policy["metadata"]["namespace"]:
        return False
    return "podSelector" not in peer or matches(peer["podSelector"], other.labels)
