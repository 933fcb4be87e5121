"""Tunnels from the internet to an app. Nothing here yet."""
