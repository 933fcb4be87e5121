"""How we ask the world: one folder per technology; third-party imports live only here."""
