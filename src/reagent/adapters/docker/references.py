"""Image references as text: repository, tag, digest."""

from __future__ import annotations

_DEFAULT_PREFIXES = (
    "index.docker.io/library/",
    "docker.io/library/",
    "index.docker.io/",
    "docker.io/",
)


def split(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest; `latest` where neither is named.

    A port in the registry's name is not a tag.
    """
    repository, at, digest = reference.partition("@")
    head, _, last = repository.rpartition("/")
    name, _, tag = last.partition(":")
    repository = f"{head}/{name}" if head else name
    return repository, digest if at else tag or "latest"


def familiar(reference: str) -> str:
    """How the engine lists a reference: without the default registry, with tag or digest."""
    repository, version = split(reference)
    for prefix in _DEFAULT_PREFIXES:
        if repository.startswith(prefix):
            repository = repository.removeprefix(prefix)
            break
    return f"{repository}{'@' if ':' in version else ':'}{version}"


def of_repository(repository: str, references: object) -> list[str]:
    """Those of an image's references (tags or digests) that belong to exactly this repository."""
    if not isinstance(references, list):
        return []
    wanted = familiar(repository).rpartition(":")[0]
    return [
        reference
        for reference in references
        if isinstance(reference, str) and split(reference)[0] == wanted
    ]
