from __future__ import annotations

import pytest

from reagent.logs.gate import Gate

APP = "prod_77_vision"


def gate() -> Gate:
    return Gate(lambda: "SN-1")


def created(uri: str, number: object = 555) -> list[object]:
    return [7000000009, {"id": number, "created": "2031-05-06T07:08:09.000Z", "uri": uri}]


def deleted(number: object) -> list[object]:
    return [7000000009, number]


def asked(it: Gate, answer: str, *, forget: bool = False) -> None:
    with it.lookup(APP) as lookup:
        lookup.settle(answer, forget=forget)


def test_a_gate_is_closed_until_somebody_listens() -> None:
    assert not gate().is_open(APP)


def test_an_exact_subscription_opens_the_gate_of_its_container_alone() -> None:
    it = gate()

    opened = it.created(created(f"reswarm.logs.SN-1.{APP}"))

    assert opened == APP
    assert it.is_open(APP)
    assert not it.is_open("prod_78_other")
    assert it.listeners(APP) == {"555"}


def test_only_the_fourth_segment_names_the_container() -> None:
    it = gate()

    assert it.created(created(f"reswarm.logs.SN-1.{APP}.more")) == APP


@pytest.mark.parametrize(
    "args",
    [
        created(f"reswarm.logs.SN-2.{APP}"),
        created(f"reswarm.logs.SN-10.{APP}"),
        created(f"other.logs.SN-1.{APP}"),
        created("reswarm.logs."),
        created("reswarm.logs.SN-1"),
        created("reswarm.logs.SN-1."),
        created(f"reswarm.logs.SN-1.{APP}", None),
        created(f"reswarm.logs.SN-1.{APP}", True),
        [7000000009, {"id": 5}],
        [7000000009, "text"],
        [7000000009],
        [],
    ],
)
def test_what_is_not_about_a_container_of_ours_is_ignored(args: list[object]) -> None:
    it = gate()

    assert it.created(args) == ""
    assert not it.is_open(APP)


def test_the_end_of_the_remembered_subscription_closes_the_gate() -> None:
    it = gate()
    it.created(created(f"reswarm.logs.SN-1.{APP}"))

    assert it.deleted(deleted(555)) == [APP]
    assert not it.is_open(APP)


def test_the_end_of_another_subscription_closes_nothing() -> None:
    it = gate()
    it.created(created(f"reswarm.logs.SN-1.{APP}"))

    assert it.deleted(deleted(556)) == []
    assert it.deleted([]) == []
    assert it.is_open(APP)


@pytest.mark.parametrize("order", ["old goes first", "new comes first"])
def test_a_page_that_is_reloaded_leaves_the_gate_open(order: str) -> None:
    it = gate()
    asked(it, "555")

    if order == "old goes first":
        it.deleted(deleted(555))
        it.created(created(f"reswarm.logs.SN-1.{APP}", 556))
    else:
        it.created(created(f"reswarm.logs.SN-1.{APP}", 556))
        it.deleted(deleted(555))

    assert it.is_open(APP)
    assert it.deleted(deleted(556)) == [APP]


def test_an_answer_opens_the_gate_and_its_end_closes_it() -> None:
    it = gate()

    asked(it, "987654")
    opened = it.is_open(APP)
    it.deleted(deleted(987654))

    assert opened
    assert not it.is_open(APP)


def test_a_bridge_goes_on_listening_when_a_viewer_leaves() -> None:
    it = gate()
    asked(it, "900")
    it.created(created(f"reswarm.logs.SN-1.{APP}"))

    it.deleted(deleted(555))

    assert it.is_open(APP)


def test_an_answer_that_nobody_listens_closes_the_gate() -> None:
    it = gate()
    asked(it, "555")

    asked(it, "")

    assert not it.is_open(APP)


def test_a_listener_who_came_while_we_asked_is_not_forgotten() -> None:
    it = gate()

    with it.lookup(APP) as lookup:
        it.created(created(f"reswarm.logs.SN-1.{APP}"))
        lookup.settle("")

    assert it.is_open(APP)


def test_a_listener_who_left_while_we_asked_is_not_remembered() -> None:
    it = gate()

    with it.lookup(APP) as lookup:
        it.deleted(deleted(555))
        lookup.settle("555")

    assert not it.is_open(APP)


def test_a_new_session_forgets_who_listened_on_the_old_one() -> None:
    it = gate()
    asked(it, "555")

    asked(it, "111", forget=True)

    assert it.listeners(APP) == {"111"}


def test_containers_that_nobody_names_are_forgotten_on_a_new_session() -> None:
    it = gate()
    it.created(created(f"reswarm.logs.SN-1.{APP}"))
    it.created(created("reswarm.logs.SN-1.prod_78_other", 556))

    it.forget_all_but([APP])

    assert it.is_open(APP)
    assert not it.is_open("prod_78_other")


def test_a_question_that_was_answered_hears_nothing_more() -> None:
    it = gate()
    with it.lookup(APP):
        pass

    it.created(created(f"reswarm.logs.SN-1.{APP}"))

    assert it.lookups == []
