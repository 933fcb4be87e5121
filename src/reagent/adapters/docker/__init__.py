"""The Docker engine, behind one folder: nothing else sees its HTTP interface or its SDK.

Reads (ping, lists, inspection, logs, events) and pulls go over a small HTTP client of our own on
the event loop; what changes containers and images goes through the docker SDK in threads, which is
imported when that is first needed (docs/decisions/0003-docker-sdk-and-a-small-reader.md).
"""
