"""The bill of materials of a release wheel: what was compiled in, what lies in it, what it
needs to run. CycloneDX, in the wheel's `.dist-info/sboms` (PEP 770).
"""

from __future__ import annotations

from collections.abc import Iterable
from email.parser import Parser
from hashlib import sha256
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from check_wheel import BILL, DIGITS
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement


def package(name: str, version: str, **others: object) -> Component:
    """A package of PyPI."""
    return Component(
        name=name,
        version=version or None,
        type=ComponentType.LIBRARY,
        bom_ref=f"{name} {version}".strip(),
        purl=PackageURL("pypi", name=name, version=version or None),
        **others,
    )


def compiled_in(build_requires: Iterable[str]) -> Component:
    """pybind11, whose headers become part of the core."""
    (pinned,) = (r for r in map(Requirement, build_requires) if r.name == "pybind11")
    (version,) = (s.version for s in pinned.specifier if s.operator == "==")
    return package(
        "pybind11", version, licenses=[DisjunctiveLicense(id="BSD-3-Clause")]
    )


def digits_of(core: Path) -> Component:
    """The embedded digits, with their hash."""
    return Component(
        name=DIGITS,
        type=ComponentType.DATA,
        bom_ref=DIGITS,
        description="UCI, Optical Recognition of Handwritten Digits: the test images",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=_sha256(core / DIGITS))],
        licenses=[DisjunctiveLicense(id="CC-BY-4.0")],
    )


def write(core: Path, build_requires: Iterable[str], torch: Iterable[str]) -> Path:
    """Write the bill into an unpacked wheel.

    Args:
        core: The wheel's folder.
        build_requires: pyproject.toml's, pinned.
        torch: The versions whose headers the engines were compiled with.
    """
    (info,) = core.glob("*.dist-info")
    metadata = Parser().parsestr((info / "METADATA").read_text(encoding="utf-8"))
    # The same release gives the same bytes: no time, no random number.
    version = metadata["Version"]
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"pkg:pypi/digitnet@{version}"))
    bom.metadata.timestamp = None
    wheel = package("digitnet", version)
    wheel.licenses.add(DisjunctiveLicense(id="MIT"))
    bom.metadata.component = wheel
    parts = [compiled_in(build_requires), digits_of(core)]
    for release in torch:
        used = "its headers are compiled into an engine; its libraries are not in the wheel"
        parts.append(
            package("torch", release, description=used, scope=ComponentScope.OPTIONAL)
        )
    for line in metadata.get_all("Requires-Dist", []):
        requirement = Requirement(line)
        if requirement.marker is None:
            needed = f"needed to run, not in the wheel: {requirement.specifier}"
            parts.append(package(requirement.name, "", description=needed))
    for part in parts:
        bom.components.add(part)
    bom.register_dependency(wheel, parts)
    path = info / BILL
    path.parent.mkdir(exist_ok=True)
    path.write_text(JsonV1Dot6(bom).output_as_string(indent=2), encoding="utf-8")
    return path


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
