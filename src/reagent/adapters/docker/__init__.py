"""The Docker engine through the docker SDK; nothing else sees that library."""
