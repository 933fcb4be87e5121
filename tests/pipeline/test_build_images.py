"""reagent_build.images: what the cross-build containers are made from, and what they are called."""

from reagent_build.images import BUILD, sources, static_tag
from reagent_build.targets import DEBIAN, Target

AMD64 = DEBIAN[Target("linux", "amd64")]
RECIPES = ("static-common.Dockerfile", "static.Dockerfile")
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
    assert static_tag(AMD64, "sha256:1") == static_tag(AMD64, "sha256:1")
    assert static_tag(AMD64, "sha256:1") != static_tag(ARM64, "sha256:1")
    assert static_tag(AMD64, "sha256:1").startswith("reagent-build-static:amd64-")


def test_what_all_are_made_from_made_anew_makes_all_of_them_anew() -> None:
    assert static_tag(AMD64, "sha256:1") != static_tag(AMD64, "sha256:2")


def test_nothing_of_the_application_is_in_the_image_so_a_change_of_it_needs_no_new_one() -> None:
    recipes = [(BUILD / "images" / name).read_text() for name in RECIPES]

    copied = [line for text in recipes for line in text.splitlines() if line.startswith("COPY")]
    assert copied == [
        "COPY images/archives.txt /opt/build/images/archives.txt",
        "COPY images/same-versions.sh images/standins.txt /opt/build/images/",
        "COPY reagent_build /opt/build/reagent_build",
        "COPY static /opt/build/static",
    ]
