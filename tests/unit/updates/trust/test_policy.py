from __future__ import annotations

import pytest

from reagent.contracts.trust import Chain, Keys, Rule, Signed, Target, Verdict
from reagent.errors import DownloadFailed, Untrusted
from reagent.updates.trust import policy
from reagent.updates.trust.record import Record, Refusal, Seen

A, B, C = "a" * 64, "b" * 64, "c" * 64
YEAR = 31_536_000.0


def verdict(**parts: Signed) -> Verdict:
    """Everything is verified, by one key of each role."""
    return Verdict(
        chain=Chain(),
        keys={
            role: Keys(frozenset({A}), 1) for role in ("root", "timestamp", "snapshot", "targets")
        },
        signed={role: signed(1) for role in ("root", "timestamp", "snapshot", "targets")} | parts,
    )


def signed(version: int, issued: float = 10 * YEAR, lasts: float = YEAR) -> Signed:
    return Signed(version, issued, issued + lasts)


def seen(role: str, version: int, *keys: str, issued: float = 0.0) -> Record:
    return Record({role: Seen(version, frozenset(keys or {A}), issued)})


# --- older than what was seen


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_no_role_goes_below_what_was_seen(role: str) -> None:
    with pytest.raises(Untrusted, match=f"{role} version 1 is below 2") as refused:
        policy.demand(seen(role, 2), verdict(), 0.0)

    assert refused.value.rule == Rule.ROLLBACK


def test_the_same_version_again_is_fine() -> None:
    policy.demand(seen("timestamp", 1), verdict(), 0.0)


def test_new_keys_make_the_numbers_of_a_role_begin_anew() -> None:
    policy.demand(seen("timestamp", 2_000_000_000, B), verdict(), 0.0)


def test_a_root_goes_up_whatever_keys_it_has() -> None:
    with pytest.raises(Untrusted, match="root"):
        policy.demand(seen("root", 2, B), verdict(), 0.0)


@pytest.mark.parametrize(
    ("before", "now", "threshold", "counts"),
    [
        ((A, B), (A, B), 1, True),
        ((A,), (A, B), 1, True),  # a key was added: old signatures are still worth something
        ((A, B), (B, C), 1, True),  # one of two was taken away, the other can still sign
        ((A, B), (B, C), 2, False),  # and here it cannot, alone
        ((A,), (B,), 1, False),
    ],
)
def test_a_record_counts_while_those_keys_could_still_sign(
    before: tuple[str, ...], now: tuple[str, ...], threshold: int, *, counts: bool
) -> None:
    found = verdict()
    keys = {**found.keys, "snapshot": Keys(frozenset(now), threshold)}
    found = Verdict(chain=found.chain, keys=keys, signed=found.signed)

    refused = False
    try:
        policy.demand(seen("snapshot", 7, *before), found, 0.0)
    except Untrusted:
        refused = True

    assert refused is counts


# --- time


def test_only_a_clock_that_was_set_has_a_say() -> None:
    assert policy.moment(123.0, synchronised=True) == 123.0
    assert policy.moment(123.0, synchronised=False) == 0.0


@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
def test_what_is_expired_by_the_clock_is_refused(role: str) -> None:
    with pytest.raises(Untrusted, match=f"{role} version 3 is expired") as refused:
        policy.demand(Record(), verdict(**{role: signed(3, lasts=5.0)}), 10 * YEAR + 5.0)

    assert refused.value.rule == Rule.FREEZE


def test_what_is_expired_by_what_was_signed_with_it_is_refused() -> None:
    old = signed(3, issued=8 * YEAR)

    with pytest.raises(Untrusted, match="targets version 3 is expired"):
        policy.demand(Record(), verdict(targets=old), 0.0)


def test_it_is_never_earlier_than_what_was_seen_was_signed() -> None:
    record = seen("timestamp", 1, issued=12 * YEAR)

    assert policy.floor(record, verdict().keys, verdict().signed) == 12 * YEAR
    with pytest.raises(Untrusted, match="is expired"):
        policy.demand(record, verdict(), 0.0)


def test_what_a_key_that_is_gone_said_of_the_time_is_forgotten() -> None:
    record = seen("timestamp", 1, B, issued=90 * YEAR)

    assert policy.floor(record, verdict().keys, verdict().signed) == 10 * YEAR


def test_an_offline_bundle_may_have_an_expired_timestamp_and_nothing_else_that_is() -> None:
    late = 10 * YEAR + 5.0
    policy.demand(Record(), verdict(timestamp=signed(3, lasts=5.0)), late, any_timestamp=True)

    with pytest.raises(Untrusted, match="snapshot"):
        policy.demand(Record(), verdict(snapshot=signed(3, lasts=5.0)), late, any_timestamp=True)


# --- what is remembered


def test_what_was_believed_is_remembered_with_the_keys_that_counted() -> None:
    record = policy.remembered(Record(), verdict(targets=signed(4)))

    assert record.seen["targets"] == Seen(4, frozenset({A}), 10 * YEAR)
    assert set(record.seen) == {"root", "timestamp", "snapshot", "targets"}


def test_of_what_was_refused_the_root_is_remembered() -> None:
    found = verdict(root=signed(2))
    refused = Verdict(
        chain=found.chain,
        keys=found.keys,
        signed={"root": found.signed["root"]},
        refused=DownloadFailed("the line is down"),
    )

    record = policy.remembered(seen("timestamp", 5), refused)

    assert record.seen["root"].version == 2
    assert record.seen["timestamp"].version == 5


def test_the_same_refusal_again_changes_nothing() -> None:
    first = policy.noted(Record(), Untrusted(Rule.FREEZE, "expired"), 1.0)

    assert policy.noted(first, Untrusted(Rule.FREEZE, "expired"), 2.0) is first
    assert policy.noted(first, Untrusted(Rule.ROLLBACK, "old"), 2.0).refused == Refusal(
        "rollback", "old", 2.0
    )
    assert policy.cleared(first).refused is None


# --- what it is for

PATH = "linux/amd64/1.0.1/reagent"
CUSTOM = {"product": "reagent", "os": "linux", "arch": "amd64", "version": "1.0.1"}


def executable(targets: dict[str, Target]) -> Target:
    return policy.executable(targets, PATH, system="linux", arch="amd64", version="1.0.1")


def test_what_was_signed_for_exactly_this_is_taken() -> None:
    target = Target(5, A, CUSTOM)

    assert executable({PATH: target}) is target


@pytest.mark.parametrize("name", list(CUSTOM))
@pytest.mark.parametrize("said", [None, "other", 1, ["linux"]])
def test_what_was_signed_for_something_else_is_not(name: str, said: object) -> None:
    with pytest.raises(Untrusted, match=name) as refused:
        executable({PATH: Target(5, A, {**CUSTOM, name: said})})

    assert refused.value.rule == Rule.WRONG_TARGET


def test_what_nobody_signed_for_is_not() -> None:
    for targets in ({}, {PATH: Target(5, "", CUSTOM)}):
        with pytest.raises(Untrusted, match=PATH) as refused:
            executable(targets)
        assert refused.value.rule == Rule.UNLISTED


@pytest.mark.parametrize(
    ("paths", "newest"),
    [
        ((), None),
        (("rollout/1.json", "rollout/10.json", "rollout/9.json"), "rollout/10.json"),
        (("rollout/x.json", "other/3.json", "rollout/3.txt", "rollout/.json"), None),
        (("rollout/\u0663.json",), None),
        (("rollout/" + "9" * 5000 + ".json", "rollout/2.json"), "rollout/2.json"),
    ],
)
def test_the_highest_number_counts(paths: tuple[str, ...], newest: str | None) -> None:
    assert policy.newest(paths, "rollout/", ".json") == newest
