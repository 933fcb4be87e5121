"""Live logs of apps: follow, batch, gate, remember."""
