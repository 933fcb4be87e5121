from sandbox import images
from sandbox.registry import Registry


def test_a_login_works_from_the_moment_it_is_admitted(registry: Registry) -> None:
    before = registry.accepts("tok-4021-501", "device-secret")

    registry.admit("tok-4021-501", "device-secret")

    assert not before
    assert registry.accepts("tok-4021-501", "device-secret")
    assert not registry.accepts("tok-4021-501", "another secret")


def test_two_versions_of_an_app_are_two_tags_of_one_repository(registry: Registry) -> None:
    for version in ("1.0.0", "1.1.0"):
        image = images.app("versioned", env={"VERSION": version})
        registry.push_app(7701, "Vision", version, image)

    tags = registry.tags(f"apps/prod_{images.architecture()}_7701_vision")

    assert sorted(tags) == ["1.0.0", "1.1.0"]


def test_images_and_logins_survive_a_restart_on_the_same_port(registry: Registry) -> None:
    registry.push_app(78, "kept", "1.0.0", images.app("counter"))
    registry.admit("kept", "secret")
    address = registry.address

    registry.stop()
    registry.start()

    assert registry.address == address
    assert registry.tags(f"apps/prod_{images.architecture()}_78_kept") == ["1.0.0"]
    assert registry.accepts("kept", "secret")
