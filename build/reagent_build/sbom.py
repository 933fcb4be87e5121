"""The bill of materials of an executable: CycloneDX 1.6, JSON; the same parts, the same bytes."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.exception.model import CycloneDxModelException
from cyclonedx.model import (
    ExternalReference,
    ExternalReferenceType,
    HashAlgorithm,
    HashType,
    Property,
    XsUri,
)
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.component_evidence import ComponentEvidence
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from packageurl import PackageURL

from reagent_build.errors import BuildError
from reagent_build.sbom_parts import Part

SCHEMA: Final = SchemaVersion.V1_6
_SHA256: Final = HashAlgorithm.SHA_256
_LICENCES: Final = LicenseFactory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The executable that the document is about."""

    file_name: str
    target: str
    version: str
    commit: str
    freezer: str
    sha256: str
    committed: datetime | None
    """When the commit was made; the document is of that time, whenever it is written."""


def document(subject: Subject, parts: Iterable[Part]) -> str:
    """The document, with a newline at its end.

    Raises:
        BuildError: CycloneDX does not know a word that is used in it.
    """
    try:
        own = _subject(subject)
        components = [_component(part) for part in parts]
        bom = Bom(
            serial_number=uuid.uuid5(uuid.NAMESPACE_OID, subject.sha256),
            metadata=BomMetaData(
                component=own,
                lifecycles=[PredefinedLifecycle(LifecyclePhase.BUILD)],
                timestamp=subject.committed,
            ),
            components=components,
        )
        bom.register_dependency(own, components)
        for component in components:
            bom.register_dependency(component, component.components)
        if subject.committed is None:
            bom.metadata.timestamp = None  # type: ignore[assignment]  # else it is the time of day
        return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    except (CycloneDxModelException, ValueError) as error:
        raise BuildError(f"the SBOM of {subject.file_name} cannot be written: {error}") from error


def _subject(subject: Subject) -> Component:
    facts = {"commit": subject.commit, "freezer": subject.freezer, "target": subject.target}
    return Component(
        bom_ref=subject.file_name,
        type=ComponentType.APPLICATION,
        name="reagent",
        version=subject.version,
        hashes=[HashType(alg=_SHA256, content=subject.sha256)],
        properties=[Property(name=f"reagent:{key}", value=value) for key, value in facts.items()],
    )


def _component(part: Part) -> Component:
    kind = Property(name="reagent:kind", value=part.kind)
    details = [Property(name=name, value=value) for name, value in part.details]
    pages = [ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(part.homepage))]
    evidence = ComponentEvidence(
        licenses=[_LICENCES.make_with_name(name) for name in part.named_licences]
    )
    return Component(
        bom_ref=part.purl,
        type=ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        licenses=[_LICENCES.make_from_string(part.licence)],
        purl=PackageURL.from_string(part.purl),
        cpe=part.cpe or None,
        hashes=[HashType(alg=_SHA256, content=part.sha256)] if part.sha256 else [],
        external_references=pages if part.homepage else [],
        properties=[kind, *details],
        evidence=evidence if part.named_licences else None,
        components=[_component(each) for each in part.inside],
    )
