"""Reads a container's log through the docker SDK and counts its lines, from its first line on.

    python logreader.py ENGINE CONTAINER LINES

Prints how many lines it saw and how much CPU the reading took, in seconds; starting Python and
importing the SDK is not in it.
"""

import sys
import time

import docker

ENGINE, CONTAINER, LINES = sys.argv[1], sys.argv[2], int(sys.argv[3])

if __name__ == "__main__":
    client = docker.DockerClient(ENGINE)
    container = client.containers.get(CONTAINER)
    begun = time.process_time()
    seen = 0
    for chunk in container.logs(stream=True, follow=True):
        seen += chunk.count(b"\n")
        if seen >= LINES:
            break
    print(seen, time.process_time() - begun)
