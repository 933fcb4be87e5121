"""Tunnels from the internet to an app. Nothing here yet but the word that others wait for."""
