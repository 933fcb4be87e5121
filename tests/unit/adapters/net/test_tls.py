"""What is said of a certificate that is refused."""

from __future__ import annotations

import ssl

import pytest

from reagent.adapters.net import tls


@pytest.mark.parametrize(("code", "names_the_clock"), [(9, True), (10, True), (18, False)])
def test_the_clock_is_named_where_dates_are_wrong(code: int, names_the_clock: bool) -> None:  # noqa: FBT001
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "no good"

    text = tls.refusal(error)

    assert text.startswith("its certificate is refused: no good")
    assert ("the clock of this device says 20" in text) is names_the_clock
