"""What we ask of the world: small protocols. Fakes and adapters pass the same tests."""
