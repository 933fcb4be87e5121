"""How we ask Windows. Only `kernel` and those it names call it; the rest is given what they say."""
