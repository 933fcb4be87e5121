"""Terminals into containers and the device. Nothing here yet."""
