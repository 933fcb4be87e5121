"""reagent_build.images: what the cross-build containers are made from, and what they are called."""

from reagent_build.images import BUILD, sources, static_tag
from reagent_build.targets import DEBIAN, Target

AMD64 = DEBIAN[Target("linux", "amd64")]
ARM64 = DEBIAN[Target("linux", "arm64")]


def test_the_base_image_uses_the_mirrors_of_a_debian_host() -> None:
    index_targets = [
        "http://mirror.example/debian/|Debian|Debian",
        "http://mirror.example/debian/|Debian|Debian",
        "http://mirror.example/security/|Debian|Debian-Security",
        "http://elsewhere.example/|Somebody|Tools",
    ]

    assert sources(index_targets) == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/security/ trixie-security main",
    ]


def test_a_host_of_another_distribution_leaves_the_mirror_to_mmdebstrap() -> None:
    others = [
        "http://archive.example/ubuntu|Ubuntu|Ubuntu",
        "no columns",
        "cdrom:[DVD]|Debian|Debian",
    ]

    assert sources(others) == []


def test_each_architecture_has_an_image_of_its_own_and_always_the_same_name() -> None:
    assert static_tag(AMD64) == static_tag(AMD64)
    assert static_tag(AMD64) != static_tag(ARM64)
    assert static_tag(AMD64).startswith("reagent-build-static:amd64-")


def test_nothing_of_the_application_is_in_the_image_so_a_change_of_it_needs_no_new_one() -> None:
    recipe = (BUILD / "images/static.Dockerfile").read_text()

    copied = [line for line in recipe.splitlines() if line.startswith("COPY")]
    assert copied == [
        "COPY reagent_build /opt/build/reagent_build",
        "COPY static /opt/build/static",
    ]
