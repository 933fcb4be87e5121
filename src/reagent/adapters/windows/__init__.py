"""How we ask Windows. Only `kernel` and `interfaces` call it; the rest is given what they say."""
